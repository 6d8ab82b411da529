#!/bin/sh
# Starts the Nacos of this folder, alone and with its own database, on loopback. Arguments: those of the JVM, such as -Dnacos.home=….
# It starts more quickly with the simple compiler and collector, and is small enough for both.
here=$(cd "$(dirname "$0")" && pwd)
exec java -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dnacos.standalone=true -Dserver.address=127.0.0.1 \
  -Dnacos.server.ip=127.0.0.1 -Dnacos.remote.grpc.listen.ip=127.0.0.1 "$@" -cp "$here/classes:$here/lib/*" StandaloneNacos

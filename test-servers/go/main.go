// What services in Go do with the registries that lb reads and writes, for tests of both together.
//
//	interop kratos-serve REGISTRY ADDRESS SERVICE SCHEME...   a go-kratos application with servers of these schemes, in their order
//	interop kratos-call REGISTRY ADDRESS SERVICE SCHEME       calls it as a client of go-kratos does, and prints the answers
//	interop zero-publish ADDRESS KEY VALUE                    go-zero's publisher
//	interop zero-subscribe ADDRESS KEY                        go-zero's subscriber, which prints what it knows on every change
//
// REGISTRY is etcd, consul or nacos; ADDRESS is host:port. Those that stay say "ready", and end by SIGTERM.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) > 4 && args[0] == "kratos-serve":
		return kratosServe(args[1], args[2], args[3], args[4:])
	case len(args) == 5 && args[0] == "kratos-call":
		return kratosCall(args[1], args[2], args[3], args[4])
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	switch {
	case len(args) == 4 && args[0] == "zero-publish":
		return zeroPublish(ctx, args[1], args[2], args[3])
	case len(args) == 3 && args[0] == "zero-subscribe":
		return zeroSubscribe(ctx, args[1], args[2])
	}
	return fmt.Errorf("interop: cannot do %q", args)
}

import io.grpc.ServerBuilder;
import io.grpc.ServerProvider;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** Keeps the Raft server of Nacos on loopback; by itself it listens on every address. */
public class LoopbackServerProvider extends ServerProvider {
  @Override
  protected boolean isAvailable() {
    return true;
  }

  /** More than that of Netty, which is 5. */
  @Override
  protected int priority() {
    return 10;
  }

  @Override
  protected ServerBuilder<?> builderForPort(int port) {
    return NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
  }
}

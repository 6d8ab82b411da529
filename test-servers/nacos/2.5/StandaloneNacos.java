import com.alibaba.nacos.core.code.ControllerMethodsCache;
import com.alibaba.nacos.core.remote.grpc.GrpcClusterServer;
import com.alibaba.nacos.core.remote.grpc.GrpcSdkServer;
import com.alibaba.nacos.sys.filter.NacosTypeExcludeFilter;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.web.servlet.ServletComponentScan;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.ComponentScan.Filter;
import org.springframework.context.annotation.FilterType;
import org.springframework.scheduling.annotation.EnableScheduling;

/** The server without its console, and without gRPC, which it would offer on every address of the machine. */
@SpringBootApplication
@ComponentScan(
    basePackages = "com.alibaba.nacos",
    excludeFilters = {
      @Filter(type = FilterType.CUSTOM, classes = NacosTypeExcludeFilter.class),
      @Filter(type = FilterType.REGEX, pattern = "com\\.alibaba\\.nacos\\.core\\.remote\\.grpc\\.Grpc(Sdk|Cluster)Server"),
    })
@ServletComponentScan
@EnableScheduling
public class StandaloneNacos {
  public static void main(String[] args) {
    SpringApplication.run(StandaloneNacos.class, args);
  }

  /** What the console does otherwise: a path that is not in this cache is answered with 501. */
  @Autowired
  void serve(ControllerMethodsCache apis) {
    apis.initClassMethod("com.alibaba.nacos.core.controller");
    apis.initClassMethod("com.alibaba.nacos.naming.controllers");
    apis.initClassMethod("com.alibaba.nacos.plugin.auth.impl.controller");
  }

  @Bean
  GrpcSdkServer sdkServer() {
    return new GrpcSdkServer() {
      @Override
      public void startServer() {}
    };
  }

  @Bean
  GrpcClusterServer clusterServer() {
    return new GrpcClusterServer() {
      @Override
      public void startServer() {}
    };
  }
}

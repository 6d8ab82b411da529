package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/go-kratos/kratos/v2/registry"
	"github.com/nacos-group/nacos-sdk-go/v2/clients"
	"github.com/nacos-group/nacos-sdk-go/v2/clients/naming_client"
	"github.com/nacos-group/nacos-sdk-go/v2/common/constant"
	"github.com/nacos-group/nacos-sdk-go/v2/vo"
)

// What go-kratos registers with, where nothing else is said.
const kratosWeight = 100

// A service SERVICE.SCHEME for each endpoint, with the scheme as metadata `kind`. The client speaks gRPC.
type nacos struct {
	client naming_client.INamingClient
}

func newNacos(address string) (backend, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, err
	}
	client, err := clients.NewNamingClient(vo.NacosClientParam{
		ClientConfig: constant.NewClientConfig(
			constant.WithLogDir("nacos-log"),
			constant.WithCacheDir("nacos-cache"),
			constant.WithNotLoadCacheAtStart(true),
			constant.WithLogLevel("error"),
			constant.WithTimeoutMs(5_000),
		),
		ServerConfigs: []constant.ServerConfig{*constant.NewServerConfig(host, port)},
	})
	if err != nil {
		return nil, err
	}
	// It connects in the background, and refuses everything until then.
	for range 150 {
		if client.ServerHealthy() {
			return &nacos{client}, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil, fmt.Errorf("interop: no connection to Nacos at %s", address)
}

func (n *nacos) Register(_ context.Context, service *registry.ServiceInstance) error {
	for _, text := range service.Endpoints {
		host, port, scheme, err := partsOf(text)
		if err != nil {
			return err
		}
		metadata := map[string]string{"kind": scheme, "version": service.Version}
		maps.Copy(metadata, service.Metadata)
		if _, err = n.client.RegisterInstance(vo.RegisterInstanceParam{
			Ip:          host,
			Port:        port,
			ServiceName: service.Name + "." + scheme,
			Weight:      kratosWeight,
			Enable:      true,
			Healthy:     true,
			Ephemeral:   true,
			Metadata:    metadata,
		}); err != nil {
			return err
		}
	}
	return nil
}

func (n *nacos) Deregister(_ context.Context, service *registry.ServiceInstance) error {
	for _, text := range service.Endpoints {
		host, port, scheme, err := partsOf(text)
		if err != nil {
			return err
		}
		if _, err = n.client.DeregisterInstance(vo.DeregisterInstanceParam{
			Ip:          host,
			Port:        port,
			ServiceName: service.Name + "." + scheme,
			Ephemeral:   true,
		}); err != nil {
			return err
		}
	}
	return nil
}

// An instance without a `kind` is one for gRPC.
func (n *nacos) GetService(_ context.Context, name string) ([]*registry.ServiceInstance, error) {
	found, err := n.client.SelectInstances(vo.SelectInstancesParam{ServiceName: name, HealthyOnly: true})
	if err != nil {
		return nil, err
	}
	var list []*registry.ServiceInstance
	for _, instance := range found {
		kind, isKnown := instance.Metadata["kind"]
		if !isKnown {
			kind = "grpc"
		}
		list = append(list, &registry.ServiceInstance{
			ID:        instance.InstanceId,
			Name:      name,
			Metadata:  instance.Metadata,
			Endpoints: []string{fmt.Sprintf("%s://%s:%d", kind, instance.Ip, instance.Port)},
		})
	}
	return list, nil
}

func partsOf(endpoint string) (host string, port uint64, scheme string, err error) {
	parsed, err := url.Parse(endpoint)
	if err != nil {
		return "", 0, "", err
	}
	port, err = strconv.ParseUint(parsed.Port(), 10, 16)
	return parsed.Hostname(), port, parsed.Scheme, err
}

package main

import (
	"context"
	"net/url"
	"sort"
	"strconv"

	"github.com/go-kratos/kratos/v2/registry"
	"github.com/hashicorp/consul/api"
)

// A tagged address for each endpoint, by its scheme; the first endpoint is the address of the service.
type consul struct{ client *api.Client }

func newConsul(address string) (backend, error) {
	client, err := api.NewClient(&api.Config{Address: address})
	return &consul{client}, err
}

func (c *consul) Register(_ context.Context, service *registry.ServiceInstance) error {
	record := &api.AgentServiceRegistration{
		ID:              service.ID,
		Name:            service.Name,
		Tags:            []string{"version=" + service.Version},
		Meta:            service.Metadata,
		TaggedAddresses: map[string]api.ServiceAddress{},
	}
	for index, text := range service.Endpoints {
		endpoint, err := url.Parse(text)
		if err != nil {
			return err
		}
		port, err := strconv.Atoi(endpoint.Port())
		if err != nil {
			return err
		}
		if index == 0 {
			record.Address, record.Port = endpoint.Hostname(), port
		}
		record.TaggedAddresses[endpoint.Scheme] = api.ServiceAddress{Address: text, Port: port}
	}
	return c.client.Agent().ServiceRegister(record)
}

func (c *consul) Deregister(_ context.Context, service *registry.ServiceInstance) error {
	return c.client.Agent().ServiceDeregister(service.ID)
}

func (c *consul) GetService(ctx context.Context, name string) ([]*registry.ServiceInstance, error) {
	entries, _, err := c.client.Health().Service(name, "", true, (&api.QueryOptions{}).WithContext(ctx))
	if err != nil {
		return nil, err
	}
	var list []*registry.ServiceInstance
	for _, entry := range entries {
		list = append(list, &registry.ServiceInstance{
			ID:        entry.Service.ID,
			Name:      name,
			Metadata:  entry.Service.Meta,
			Endpoints: consulEndpoints(entry.Service),
		})
	}
	return list, nil
}

// Those that Consul tags by itself say nothing of a scheme. Without any other, the address of the service speaks HTTP.
func consulEndpoints(service *api.AgentService) []string {
	var endpoints []string
	for tag, address := range service.TaggedAddresses {
		switch tag {
		case "lan_ipv4", "lan_ipv6", "wan_ipv4", "wan_ipv6":
		default:
			endpoints = append(endpoints, address.Address)
		}
	}
	if len(endpoints) == 0 {
		endpoints = append(endpoints, "http://"+service.Address+":"+strconv.Itoa(service.Port))
	}
	sort.Strings(endpoints)
	return endpoints
}

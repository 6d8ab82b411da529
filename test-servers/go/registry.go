package main

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/go-kratos/kratos/v2/registry"
)

// What a backend does; the rest of what go-kratos asks of a registry is the same for all. go-kratos' own registries are modules of their own,
// which are not published where this program is built: these write and read the same keys, records and services.
type backend interface {
	Register(context.Context, *registry.ServiceInstance) error
	Deregister(context.Context, *registry.ServiceInstance) error
	GetService(context.Context, string) ([]*registry.ServiceInstance, error)
}

type polledRegistry struct{ backend }

func registryOf(kind, address string) (*polledRegistry, error) {
	var chosen backend
	var err error
	switch kind {
	case "etcd":
		chosen, err = newEtcd(address)
	case "consul":
		chosen, err = newConsul(address)
	case "nacos":
		chosen, err = newNacos(address)
	default:
		err = fmt.Errorf("interop: no registry %q", kind)
	}
	return &polledRegistry{chosen}, err
}

func (r *polledRegistry) Watch(ctx context.Context, service string) (registry.Watcher, error) {
	ctx, cancel := context.WithCancel(ctx)
	return &poller{ctx: ctx, cancel: cancel, registry: r.backend, service: service}, nil
}

type poller struct {
	ctx      context.Context
	cancel   context.CancelFunc
	registry backend
	service  string
	last     []*registry.ServiceInstance
}

func (p *poller) Next() ([]*registry.ServiceInstance, error) {
	for {
		list, err := p.registry.GetService(p.ctx, p.service)
		if err == nil && len(list) > 0 && !reflect.DeepEqual(list, p.last) {
			p.last = list
			return list, nil
		}
		select {
		case <-p.ctx.Done():
			return nil, p.ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (p *poller) Stop() error {
	p.cancel()
	return nil
}

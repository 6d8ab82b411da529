package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/go-kratos/kratos/v2/registry"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// JSON under /microservices/SERVICE/ID, with a lease.
type etcd struct{ client *clientv3.Client }

func newEtcd(address string) (backend, error) {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{address}, DialTimeout: 5 * time.Second})
	return &etcd{client}, err
}

func (e *etcd) Register(ctx context.Context, service *registry.ServiceInstance) error {
	value, err := json.Marshal(service)
	if err != nil {
		return err
	}
	lease, err := e.client.Grant(ctx, 15)
	if err != nil {
		return err
	}
	if _, err = e.client.Put(ctx, etcdKey(service.Name, service.ID), string(value), clientv3.WithLease(lease.ID)); err != nil {
		return err
	}
	renewals, err := e.client.KeepAlive(context.Background(), lease.ID)
	go func() {
		for range renewals {
		}
	}()
	return err
}

func (e *etcd) Deregister(ctx context.Context, service *registry.ServiceInstance) error {
	_, err := e.client.Delete(ctx, etcdKey(service.Name, service.ID))
	return err
}

func (e *etcd) GetService(ctx context.Context, name string) ([]*registry.ServiceInstance, error) {
	found, err := e.client.Get(ctx, etcdKey(name, ""), clientv3.WithPrefix())
	if err != nil {
		return nil, err
	}
	var list []*registry.ServiceInstance
	for _, entry := range found.Kvs {
		service := new(registry.ServiceInstance)
		if err := json.Unmarshal(entry.Value, service); err != nil {
			return nil, err
		}
		list = append(list, service)
	}
	return list, nil
}

func etcdKey(name, id string) string {
	return "/microservices/" + name + "/" + id
}

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	stdhttp "net/http"
	"strings"
	"time"

	"github.com/go-kratos/kratos/v2"
	"github.com/go-kratos/kratos/v2/registry"
	"github.com/go-kratos/kratos/v2/transport"
	"github.com/go-kratos/kratos/v2/transport/grpc"
	"github.com/go-kratos/kratos/v2/transport/http"
)

// An application of go-kratos decides itself what its endpoints are, gives them to the registry, and takes them back by SIGTERM.
func kratosServe(kind, address, service string, schemes []string) error {
	registry, err := registryOf(kind, address)
	if err != nil {
		return err
	}
	servers := make([]transport.Server, 0, len(schemes))
	for _, scheme := range schemes {
		server, err := serverOf(scheme)
		if err != nil {
			return err
		}
		servers = append(servers, server)
	}
	application := kratos.New(
		kratos.ID(service+"-1"),
		kratos.Name(service),
		kratos.Version("v1"),
		kratos.Metadata(map[string]string{"region": "eu"}),
		kratos.Server(servers...),
		kratos.Registrar(registry),
		kratos.AfterStart(func(context.Context) error {
			fmt.Println("ready")
			return nil
		}),
	)
	return application.Run()
}

func serverOf(scheme string) (transport.Server, error) {
	if scheme == "grpc" {
		return grpc.NewServer(grpc.Address("127.0.0.1:0")), nil
	}
	options := []http.ServerOption{http.Address("127.0.0.1:0")}
	if scheme == "https" {
		certificate, err := certificate()
		if err != nil {
			return nil, err
		}
		options = append(options, http.TLSConfig(&tls.Config{Certificates: []tls.Certificate{certificate}}))
	}
	server := http.NewServer(options...)
	server.HandleFunc("/", func(response stdhttp.ResponseWriter, _ *stdhttp.Request) {
		fmt.Fprintf(response, "kratos over %s", scheme)
	})
	return server, nil
}

// A client of go-kratos finds the service by the rules of its own resolver: the scheme of an endpoint says whether it is one for it.
func kratosCall(kind, address, service, scheme string) error {
	discovery, err := registryOf(kind, address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	options := []http.ClientOption{
		http.WithEndpoint("discovery:///" + service),
		http.WithDiscovery(registry.Discovery(discovery)),
		http.WithTimeout(2 * time.Second),
		http.WithBlock(),
	}
	if scheme == "https" {
		options = append(options, http.WithTLSConfig(&tls.Config{InsecureSkipVerify: true}))
	}
	client, err := http.NewClient(ctx, options...)
	if err != nil {
		return fmt.Errorf("no instance: %w", err)
	}
	defer client.Close()
	for range 4 {
		request, err := stdhttp.NewRequestWithContext(ctx, "GET", scheme+"://"+service+"/", nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return err
		}
		fmt.Println(strings.TrimSpace(string(body)))
	}
	return nil
}

// For 127.0.0.1, signed by nobody.
func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	text, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{text}, PrivateKey: key}, nil
}

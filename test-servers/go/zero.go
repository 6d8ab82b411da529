package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/zeromicro/go-zero/core/discov"
)

func zeroPublish(ctx context.Context, address, key, value string) error {
	publisher := discov.NewPublisher([]string{address}, key, value)
	if err := publisher.KeepAlive(); err != nil {
		return err
	}
	fmt.Println("ready")
	<-ctx.Done()
	publisher.Stop()
	// It revokes its lease in the background.
	time.Sleep(time.Second)
	return nil
}

func zeroSubscribe(ctx context.Context, address, key string) error {
	subscriber, err := discov.NewSubscriber([]string{address}, key)
	if err != nil {
		return err
	}
	defer subscriber.Close()
	tell := func() {
		values, _ := json.Marshal(subscriber.Values())
		fmt.Printf("values %s\n", values)
	}
	subscriber.AddListener(tell)
	fmt.Println("ready")
	tell()
	<-ctx.Done()
	return nil
}

package router_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"understudy"
	"understudy/internal/router"
)

// word is the one message of the test's service.
type word = wrapperspb.StringValue

// newCalled runs a gRPC server with one method of each kind, and trailers on each.
func newCalled(t *testing.T, name string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	stream := func(_ any, s grpc.ServerStream) error { // both ways: each word comes back at once
		s.SetTrailer(metadata.Pairs("served-by", name))
		for {
			var in word
			if err := s.RecvMsg(&in); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if in.Value == "fail" {
				return status.Error(codes.Internal, "as asked")
			}
			if err := s.SendMsg(wrapperspb.String(name + " " + in.Value)); err != nil {
				return err
			}
		}
	}
	unary := func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var in word
		if err := decode(&in); err != nil {
			return nil, err
		}
		if in.Value == "who?" {
			return nil, status.Error(codes.NotFound, "nobody")
		}
		return wrapperspb.String(name + " " + in.Value), grpc.SetTrailer(ctx, metadata.Pairs("served-by", name))
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "shop", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Say", Handler: unary}},
		Streams: []grpc.StreamDesc{{StreamName: "Talk", Handler: stream, ServerStreams: true, ClientStreams: true}}}, nil)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		check(t, <-served)
	})
	return "tcp:" + listener.Addr().String()
}

// call opens a gRPC client to the front, and gives the deployment a route that speaks it.
func (s *stage) call(deployments ...string) *grpc.ClientConn {
	s.t.Helper()
	for _, name := range deployments {
		check(s.t, s.Add(deadline(s.t), "shop", router.Slot{Deployment: name, Release: "r-" + name, Routes: []router.Route{
			{Prefix: "/", Addresses: []string{newCalled(s.t, name)}, Protocol: understudy.ProtocolGRPC}}}))
	}
	s.split(all(deployments[0]))
	conn, err := grpc.NewClient("passthrough:///"+s.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(s.t, err)
	s.t.Cleanup(func() { check(s.t, conn.Close()) })
	return conn
}

func (s *stage) talk(conn *grpc.ClientConn) grpc.ClientStream {
	s.t.Helper()
	stream, err := conn.NewStream(deadline(s.t), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/shop/Talk")
	check(s.t, err)
	return stream
}

// exchange sends a word and waits for what comes back before anything else is sent.
func exchange(stream grpc.ClientStream, text string) (string, error) {
	if err := stream.SendMsg(wrapperspb.String(text)); err != nil {
		return "", err
	}
	var out word
	err := stream.RecvMsg(&out)
	return out.Value, err
}

func TestGRPC_CallsOfEveryKindPassWithTheirTrailers(t *testing.T) {
	s := newStage(t, router.Front{})
	conn := s.call("d1")
	var out word
	var trailer metadata.MD
	check(t, conn.Invoke(deadline(t), "/shop/Say", wrapperspb.String("hello"), &out, grpc.Trailer(&trailer)))
	if out.Value != "d1 hello" || fmt.Sprint(trailer["served-by"]) != "[d1]" {
		t.Errorf("a call got %q with %v", out.Value, trailer)
	}
	err := conn.Invoke(deadline(t), "/shop/Say", wrapperspb.String("who?"), &out)
	if status.Code(err) != codes.NotFound || status.Convert(err).Message() != "nobody" {
		t.Errorf("a call that found nobody ended with %v", err)
	}
	stream := s.talk(conn)
	for n := range 20 {
		if got, err := exchange(stream, fmt.Sprint(n)); got != fmt.Sprint("d1 ", n) {
			t.Fatalf("word %d of a stream both ways got %q, %v", n, got, err)
		}
	}
	check(t, stream.CloseSend())
	if err := stream.RecvMsg(&out); !errors.Is(err, io.EOF) || fmt.Sprint(stream.Trailer()["served-by"]) != "[d1]" {
		t.Errorf("the stream ended with %v and %v", err, stream.Trailer())
	}
	failing := s.talk(conn)
	if _, err := exchange(failing, "fail"); status.Code(err) != codes.Internal {
		t.Errorf("a stream that failed ended with %v", err)
	}
	s.await("all four are counted", func() bool { return s.front().Slots[0].Served.Requests == 4 })
	if served := s.front().Slots[0].Served; served.Errors != 1 { // NotFound is an answer
		t.Errorf("a status that is the server's fault is an error of its release, found %+v", served)
	}
}

func TestGRPC_AStreamThatGoesOnIsLastingAndIsDrainedAsSuch(t *testing.T) {
	t.Parallel()
	s := newStage(t, router.Front{})
	conn := s.call("d1", "d2")
	stream := s.talk(conn)
	if got, err := exchange(stream, "one"); got != "d1 one" {
		t.Fatalf("%q, %v", got, err)
	}
	s.await("the stream counts as lasting", func() bool { return s.front().Slots[0].Lasting == 1 })
	s.split(all("d2"))
	if got, err := exchange(stream, "two"); got != "d1 two" {
		t.Errorf("after the switch the stream got %q, %v", got, err)
	}
	if got, err := exchange(s.talk(conn), "three"); got != "d2 three" {
		t.Errorf("a new stream on the same connection got %q, %v", got, err)
	}
	drained, err := s.Drain(deadline(t), "shop", "d1", 100*time.Millisecond)
	check(t, err)
	if drained.Closed != 1 || drained.Cancelled != 0 {
		t.Errorf("the drain says %+v", drained)
	}
	var out word
	if err := stream.RecvMsg(&out); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the stream that was closed ended with %v", err)
	}
}

func TestGRPC_AServerThatIsGoneIsUnavailable(t *testing.T) {
	s := newStage(t, router.Front{})
	check(t, s.Add(deadline(t), "shop", router.Slot{Deployment: "gone", Release: "v1", Routes: []router.Route{
		{Prefix: "/", Addresses: []string{"tcp:127.0.0.1:1"}, Protocol: understudy.ProtocolGRPC}}}))
	conn := s.call("d1")
	s.split(all("gone"))
	var out word
	if err := conn.Invoke(deadline(t), "/shop/Say", wrapperspb.String("hello"), &out); status.Code(err) != codes.Unavailable {
		t.Errorf("a call ended with %v", err)
	}
}

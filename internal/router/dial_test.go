package router_test

import (
	"context"
	"net"
)

// dialTo connects to one address, whatever is asked for.
type dialTo struct{ address string }

func (d *dialTo) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", d.address)
}

package router

import (
	"net/http"
	"time"
)

// lastsFrom is how long a gRPC call goes on before it is taken for a stream, which ends
// when its client wishes: nothing in its head says so.
const lastsFrom = time.Second

// watchCall marks a gRPC call as lasting when it turns out to be. Stop ends that.
func (v *visit) watchCall() (stop func() bool) {
	return time.AfterFunc(lastsFrom, func() { v.front.last(v.claim) }).Stop
}

// callFailed tells whether a gRPC call ended with a status that is its server's fault,
// which the status of its HTTP answer does not say.
func callFailed(answer *http.Response) bool {
	if answer == nil {
		return false
	}
	status := answer.Trailer.Get("Grpc-Status")
	if status == "" {
		status = answer.Header.Get("Grpc-Status")
	}
	switch status {
	case "2", "4", "13", "14", "15": // unknown, deadline exceeded, internal, unavailable, data loss
		return true
	default:
		return false
	}
}

package avatartest

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// callHeader numbers calls, so that a method finds the HTTP answer that a fault is to replace.
const callHeader = "x-simulated-call"

const grpcStatusHeader = "Grpc-Status"

// GRPCStatus ends a call with a status. Only methods of gRPC heed it.
func GRPCStatus(code codes.Code, message string) Fault {
	return Fault{Name: fmt.Sprintf("status %s", code), body: message, header: map[string]string{grpcStatusHeader: strconv.Itoa(int(code))}}
}

// meet does what the fault does. An error ends the call; where the fault is one of HTTP's, serveRPC replaces the answer.
func (v *VoximplantGRPC) meet(ctx context.Context, f Fault) error {
	if f.delay > 0 {
		t := time.NewTimer(f.delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if code, err := strconv.Atoi(f.header[grpcStatusHeader]); err == nil {
		return status.Error(codes.Code(code), f.body)
	}
	if f.status == http.StatusTooManyRequests {
		after, _ := strconv.Atoi(f.header["Retry-After"])
		return exhausted(f.body, time.Duration(after)*time.Second)
	}
	if !f.stall && !f.cut && f.status == 0 {
		return nil
	}
	md, _ := metadata.FromIncomingContext(ctx)
	if c, ok := v.calls.Load(callNumber(md)); ok {
		c.(*grpcCall).replace(f)
	}
	return status.Error(codes.Internal, "replaced")
}

// exhausted is the status of a service that is asked too much.
func exhausted(message string, after time.Duration) error {
	st := status.New(codes.ResourceExhausted, message)
	if after > 0 {
		if detailed, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(after)}); err == nil {
			st = detailed
		}
	}
	return st.Err()
}

// grpcCall is the HTTP answer to one call, which a fault may replace.
type grpcCall struct {
	http.ResponseWriter
	mu     sync.Mutex
	fault  *Fault
	header http.Header // what is thrown away
	wrote  bool
}

func (c *grpcCall) replace(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault, c.header = &f, http.Header{}
}

// replaced returns the fault, and whether some of the answer is out already.
func (c *grpcCall) replaced() (*Fault, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fault, c.wrote
}

// goes says whether what is written now goes out.
func (c *grpcCall) goes() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrote = c.wrote || c.fault == nil
	return c.fault == nil
}

// Header is that of the answer.
func (c *grpcCall) Header() http.Header {
	if f, _ := c.replaced(); f != nil {
		return c.header
	}
	return c.ResponseWriter.Header()
}

// WriteHeader begins the answer.
func (c *grpcCall) WriteHeader(code int) {
	if c.goes() {
		c.ResponseWriter.WriteHeader(code)
	}
}

// Write goes on with it.
func (c *grpcCall) Write(p []byte) (int, error) {
	if c.goes() {
		return c.ResponseWriter.Write(p)
	}
	return len(p), nil
}

// Flush sends what is there.
func (c *grpcCall) Flush() {
	if c.goes() {
		c.ResponseWriter.(http.Flusher).Flush()
	}
}

// serveRPC serves one gRPC call, or what a fault puts in its place.
func (v *VoximplantGRPC) serveRPC(w http.ResponseWriter, r *http.Request) {
	if v.srv.quit.Err() != nil {
		panic(http.ErrAbortHandler) // resets the stream
	}
	n := v.serial.Add(1)
	c := &grpcCall{ResponseWriter: w}
	v.calls.Store(n, c)
	defer v.calls.Delete(n)
	r.Header.Set(callHeader, strconv.FormatInt(n, 10))
	v.rpc.ServeHTTP(c, r)
	f, wrote := c.replaced()
	if f == nil {
		return
	}
	if wrote {
		panic(http.ErrAbortHandler)
	}
	f.delay = 0
	f.serve(v.srv, w, r)
	if f.cut || f.stall {
		panic(http.ErrAbortHandler)
	}
}

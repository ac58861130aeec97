package avatartest

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
)

// The steps of VoximplantGRPC.
const (
	GRPCLogonAsked Step = "logon asked, for gRPC"
	GRPCLoginAsked Step = "gRPC login asked"
	GRPCOpened     Step = "gRPC stream opened"
	GRPCUtterance  Step = "gRPC utterance received"
	GRPCReplied    Step = "gRPC reply sent"
	GRPCEnded      Step = "gRPC stream ended" // by either side
)

// The limits that Voximplant documents for gRPC.
const (
	grpcConnections = 100
	grpcPerMinute   = 180
)

// VoximplantGRPCConfig says how the simulator behaves. The zero value is a healthy service with the documented limits, without TLS.
type VoximplantGRPCConfig struct {
	AccountID int64  // 0 is 1234567
	APIKey    string // "" is a made-up one
	AvatarID  string // likewise
	// Answer says what the avatar replies to an utterance; nil repeats its text once.
	Answer func(GRPCSaid) []GRPCReply
	// Life is how long a token is good, on new streams and on open ones; 0 is an hour.
	Life time.Duration
	Now  func() time.Time
	TLS  bool
	// Addresses are what Logon names, of which own is the simulator's; nil names own.
	Addresses             func(own string) []string
	MaxStreams, PerMinute int // 0 are the documented limits
}

// GRPCSaid is one utterance.
type GRPCSaid struct {
	Stream int // streams are numbered from 0 as they are opened
	N      int // utterances of a stream likewise
	Text   string
}

// GRPCReply is something that the avatar says on a stream.
type GRPCReply struct {
	Text  string
	Data  string          // customData
	Final bool            // ends the conversation, and the stream
	Gate  <-chan struct{} // it is said once this is closed; nil: at once
}

// VoximplantGRPC simulates Voximplant's platform API and its avatars over gRPC: a real gRPC server, in one with an HTTP server, on a
// free port. It is safe for use by several goroutines.
type VoximplantGRPC struct {
	Steps
	Faults
	cfg    VoximplantGRPCConfig
	srv    *server
	rpc    *grpc.Server
	roots  *x509.CertPool
	tokens *grpcTokens
	rate   *perMinute
	heard  *record[Heard]
	calls  sync.Map // *grpcCall by its number
	serial atomic.Int64

	hearing sync.WaitGroup

	mu      sync.Mutex
	open    int
	streams []*GRPCStream
}

// NewVoximplantGRPC starts a simulator.
func NewVoximplantGRPC(cfg VoximplantGRPCConfig) (*VoximplantGRPC, error) {
	cfg.defaults()
	v := &VoximplantGRPC{cfg: cfg, heard: newRecord[Heard](0), tokens: newGRPCTokens(cfg.Now), rate: &perMinute{now: cfg.Now, max: cfg.PerMinute}}
	v.rpc = grpc.NewServer(grpc.ForceServerCodec(grpcCodec{}))
	v.serveAvatars(v.rpc)
	mux := http.NewServeMux()
	mux.HandleFunc("/platform_api/Logon", v.logon)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			v.serveRPC(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
	var err error
	v.srv, v.roots, err = listenHTTP2(h, cfg.TLS)
	return v, err
}

func (c *VoximplantGRPCConfig) defaults() {
	c.Now = clockOr(c.Now)
	if c.AccountID == 0 {
		c.AccountID = 1234567
	}
	if c.APIKey == "" {
		c.APIKey = "vox-key-f00dfeed"
	}
	if c.AvatarID == "" {
		c.AvatarID = "9b0f0d0c-1111-4222-8333-444455556666"
	}
	if c.Life == 0 {
		c.Life = time.Hour
	}
	if c.MaxStreams == 0 {
		c.MaxStreams = grpcConnections
	}
	if c.PerMinute == 0 {
		c.PerMinute = grpcPerMinute
	}
	if c.Addresses == nil {
		c.Addresses = func(own string) []string { return []string{own} }
	}
	if c.Answer == nil {
		c.Answer = func(s GRPCSaid) []GRPCReply { return []GRPCReply{{Text: "You said: " + s.Text}} }
	}
}

// URL is where the platform API and the avatars are, without a slash at its end.
func (v *VoximplantGRPC) URL() string { return v.srv.url }

// Roots are the authorities that a client must trust; nil without TLS.
func (v *VoximplantGRPC) Roots() *x509.CertPool { return v.roots }

// Config is what the simulator was made with, defaults filled in.
func (v *VoximplantGRPC) Config() VoximplantGRPCConfig { return v.cfg }

// Revoke makes all tokens worthless that were issued so far.
func (v *VoximplantGRPC) Revoke() { v.tokens.revoke() }

// Arrivals are a logon, a login and an utterance.
func (v *VoximplantGRPC) Arrivals() []Step {
	return []Step{GRPCLogonAsked, GRPCLoginAsked, GRPCUtterance}
}

// Heard are the utterances. The wire carries no more than their texts.
func (v *VoximplantGRPC) Heard() []Heard { return v.heard.all() }

// Secrets are the key, and all sessions and tokens so far.
func (v *VoximplantGRPC) Secrets() []string { return append(v.tokens.issued(), v.cfg.APIKey) }

// Open says how many streams are open.
func (v *VoximplantGRPC) Open() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.open
}

// Stream returns the n-th stream that was opened, open or not; nil if there are not so many.
func (v *VoximplantGRPC) Stream(n int) *GRPCStream {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n >= len(v.streams) {
		return nil
	}
	return v.streams[n]
}

// Close ends all streams and waits for them.
func (v *VoximplantGRPC) Close() {
	v.srv.close()
	v.rpc.Stop()
	v.hearing.Wait()
}

// logon is the platform API's, by GET or with a form.
func (v *VoximplantGRPC) logon(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "no form", http.StatusBadRequest)
		return
	}
	v.step(GRPCLogonAsked, Heard{})
	f := v.next(GRPCLogonAsked, Heard{})
	if f.serve(v.srv, w, r) {
		return
	}
	if r.FormValue("account_id") != strconv.FormatInt(v.cfg.AccountID, 10) || r.FormValue("api_key") != v.cfg.APIKey {
		writeJSON(w, http.StatusOK, map[string]any{"error": map[string]any{"code": 100, "msg": "Authorization failed"}})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"result": v.tokens.session(), "account_id": v.cfg.AccountID, "nlu_addresses": v.cfg.Addresses(v.srv.url),
	})
}

// GRPCStream is one conversation as the avatar sees it.
type GRPCStream struct {
	say  chan GRPCReply
	stop chan error
	over chan struct{}
}

var errStreamOver = errors.New("the stream has ended")

// Say lets the avatar say something unasked. Nil means that it is on its way.
func (s *GRPCStream) Say(ctx context.Context, r GRPCReply) error {
	select {
	case s.say <- r:
		return nil
	case <-s.over:
		return errStreamOver
	case <-ctx.Done():
		return fmt.Errorf("say on a stream: %w", ctx.Err())
	}
}

// End ends the stream from the avatar's side: with nil in good order, else with a status.
func (s *GRPCStream) End(err error) {
	select {
	case s.stop <- err:
		<-s.over
	case <-s.over:
	}
}

// Over is closed when the stream has ended.
func (s *GRPCStream) Over() <-chan struct{} { return s.over }

package bridgetest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// DiscordOptions adjust a Discord. The zero value is a server on a free port of 127.0.0.1 that keeps Discord's times and has no rate
// limits for requests. Times are on the simulator's clock (Advance), but for Heartbeat.
type DiscordOptions struct {
	Addr string // where to listen, "127.0.0.1:0" when empty

	Heartbeat      time.Duration // the interval that Hello asks for: 45s when 0, at least 50ms
	MaxConcurrency int           // identifies per IdentifyEvery: 1 when 0
	IdentifyEvery  time.Duration // 5s when 0; negative switches the check off
	SessionStarts  int           // identifies a day: 1000 when 0
	Shards         int           // what GET /gateway/bot recommends: 1 when 0
	GuildsPerShard int           // over which sharding is required: 2500 when 0
	ResumeWithin   time.Duration // how long a session outlives its connection: 3m when 0
	ResumeEvents   int           // how many events are kept for a replay: 10,000 when 0
	GatewayURL     string        // what GET /gateway says, this server when empty

	NonceWindow  time.Duration // how long an enforced nonce is unique: 5m when 0 ("the past few minutes" in the documentation)
	AckWithin    time.Duration // the time for the first answer to an interaction: 3s when 0
	TokenLife    time.Duration // of an interaction's token: 15m when 0
	LinkLife     time.Duration // of an attachment's URL: 24h when 0
	Limits       DiscordLimits // rates over which a request gets 429; the zero value has none and sends no X-RateLimit headers
	HideNonces   bool          // the history leaves nonces out, as the documentation allows
	AnyUserAgent bool          // requests without a User-Agent of the documented form are served

	// Remember is how many messages of each channel and how many requests are kept, for long runs; all when it is 0.
	Remember int
}

// Discord is the API, the gateway and the CDN of Discord with the guilds, people and bots that a test puts there. All methods may be
// called by several goroutines at once.
type Discord struct {
	opt    DiscordOptions
	addr   string // fixed after the start, so that the server is found again after Offline
	mux    *http.ServeMux
	limits *discordLimiter
	faults discordFaults
	wires  gatewayFaults
	steps  discordHook
	log    discordLog

	ctx  context.Context // ends with Close: ends connections and stalled answers
	stop context.CancelFunc
	work sync.WaitGroup // gateway connections
	live sync.RWMutex   // held for reading by each request, so that Close can wait for them

	lineMu sync.Mutex // guards srv and served
	srv    *http.Server
	served chan struct{}

	ahead       atomic.Int64 // the clock before the machine's, in nanoseconds
	asStrings   atomic.Bool  // numbers are sent as strings
	mu          sync.Mutex   // guards all below, and every guild, channel, bot and session
	lastID      uint64
	bots        map[string]*DiscordBot // by token
	users       map[string]*DiscordUser
	guilds      map[string]*DiscordGuild
	guildOrder  []*DiscordGuild
	channels    map[string]*DiscordChannel
	nonces      map[nonceKey]nonceUse
	calls       map[string]*DiscordInteraction // by token
	files       map[string]*cdnFile            // by path
	sessions    map[string]*gatewaySession
	connections map[*gatewayConn]struct{}
}

// NewDiscord starts a server that ends with the test. A test that drives a program of its own uses StartDiscord.
func NewDiscord(t testing.TB, o DiscordOptions) *Discord {
	t.Helper()
	d, err := StartDiscord(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// StartDiscord starts a server. Close ends it.
func StartDiscord(o DiscordOptions) (*Discord, error) {
	o.setDefaults()
	d := &Discord{
		opt: o, limits: newDiscordLimiter(o.Limits), bots: map[string]*DiscordBot{}, users: map[string]*DiscordUser{},
		guilds: map[string]*DiscordGuild{}, channels: map[string]*DiscordChannel{}, nonces: map[nonceKey]nonceUse{},
		calls: map[string]*DiscordInteraction{}, files: map[string]*cdnFile{}, sessions: map[string]*gatewaySession{},
		connections: map[*gatewayConn]struct{}{},
	}
	d.log.init(o.Remember)
	d.mux = d.routes()
	d.ctx, d.stop = context.WithCancel(context.Background())
	ln, err := net.Listen("tcp", o.Addr)
	if err != nil {
		d.stop()
		return nil, fmt.Errorf("listen for the Discord simulator: %w", err)
	}
	d.addr = ln.Addr().String()
	d.serve(ln)
	return d, nil
}

func (o *DiscordOptions) setDefaults() {
	for p, def := range map[*time.Duration]time.Duration{
		&o.Heartbeat: 45 * time.Second, &o.IdentifyEvery: 5 * time.Second, &o.ResumeWithin: 3 * time.Minute,
		&o.NonceWindow: 5 * time.Minute, &o.AckWithin: 3 * time.Second, &o.TokenLife: 15 * time.Minute, &o.LinkLife: 24 * time.Hour,
	} {
		if *p == 0 {
			*p = def
		}
	}
	for p, def := range map[*int]int{
		&o.MaxConcurrency: 1, &o.SessionStarts: 1000, &o.Shards: 1, &o.GuildsPerShard: 2500, &o.ResumeEvents: 10_000,
	} {
		if *p == 0 {
			*p = def
		}
	}
	o.Heartbeat = max(o.Heartbeat, 50*time.Millisecond)
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
}

// URL is what a bridge's api_url must be, without a slash at the end: the API is below it at /api/v10.
func (d *Discord) URL() string { return "http://" + d.addr }

// gatewayURL is the server's own gateway.
func (d *Discord) gatewayURL() string { return "ws://" + d.addr + "/" }

// Now is the time on the simulator's clock.
func (d *Discord) Now() time.Time { return time.Now().Add(time.Duration(d.ahead.Load())) }

// Advance moves the simulator's clock forward: deadlines of interactions, nonces, sessions and rate limits pass. Heartbeats go by the
// machine's clock.
func (d *Discord) Advance(by time.Duration) { d.ahead.Add(int64(by)) }

// Close ends the server, all connections and requests, and waits for them. It must not be called from OnStep's function.
func (d *Discord) Close() {
	d.stop()
	d.Offline()
	d.live.Lock() // waits for the requests: one that begins after it finds the context at its end, and begins no work
	defer d.live.Unlock()
	d.work.Wait()
}

// Offline makes the server unreachable: requests and gateway connections are cut, new ones are refused. State stays, sessions can be
// resumed.
func (d *Discord) Offline() {
	d.lineMu.Lock()
	defer d.lineMu.Unlock()
	if d.srv != nil {
		_ = d.srv.Close()
		<-d.served
		d.srv = nil
	}
	for _, c := range d.allConnections() { // hijacked connections are not the server's any more
		c.cut()
	}
}

// online says whether the server can be reached; it waits for an Offline that is under way.
func (d *Discord) online() bool {
	d.lineMu.Lock()
	defer d.lineMu.Unlock()
	return d.srv != nil
}

// Online makes the server reachable again at the same address.
func (d *Discord) Online() error {
	if d.online() {
		return nil
	}
	ln, err := net.Listen("tcp", d.addr)
	if err != nil {
		return fmt.Errorf("bring the Discord simulator back: %w", err)
	}
	d.serve(ln)
	return nil
}

// serve takes over ln.
func (d *Discord) serve(ln net.Listener) {
	d.lineMu.Lock()
	defer d.lineMu.Unlock()
	srv := &http.Server{Handler: http.HandlerFunc(d.handle), BaseContext: func(net.Listener) context.Context { return d.ctx }}
	done := make(chan struct{})
	d.srv, d.served = srv, done
	go func() {
		defer close(done)
		_ = srv.Serve(ln) // always http.ErrServerClosed, after Offline or Close
	}()
}

package avatartest

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// The steps of Voximplant, beside TokenRefused, CallbackPosted and CallbackAnswered.
const (
	LogonAsked        Step = "logon asked"
	LogonAnswered     Step = "logon answered"
	LoginAsked        Step = "login asked"
	LoginAnswered     Step = "login answered"
	UtteranceReceived Step = "utterance received" // with a good token
	UtteranceAnswered Step = "utterance answered"
	StopReceived      Step = "stop received" // with a good token
	SessionWoken      Step = "session woken" // by an utterance
)

// VoximplantConfig says how a simulated Voximplant is. The zero value works.
type VoximplantConfig struct {
	AccountID string // "" is "1234567"
	APIKey    string // "" is "vox-api-key-canary"
	// The subuser's credentials, which open the account like the key; "" are "robot" and "vox-password-canary".
	SubuserLogin, SubuserPassword string
	AvatarID                      string           // "" is DefaultVoximplantAvatar
	Addresses                     int              // of the avatar API; 0 is 1
	Lifetime                      time.Duration    // of tokens: 1h
	Now                           func() time.Time // nil is time.Now; it may be called by several goroutines
	// Answer scripts what an utterance brings; nil is EchoUtterance. It may be called by several goroutines.
	Answer func(VoximplantUtterance) VoximplantAnswer
	// Forgetful is an avatar whose scenario does not keep its state when it is put to sleep.
	Forgetful bool
	// Retries is how often a callback is posted again when it was not answered 2xx or 404; 0 is 5, each after RetryEvery (50ms).
	Retries    int
	RetryEvery time.Duration
	Keep       int // bounds the calls of a kind that are remembered (later ones are only counted); 0 is 200,000
}

// DefaultVoximplantAvatar is the avatar of a Voximplant that is given none.
const DefaultVoximplantAvatar = "9b0f0d0c-1111-4222-8333-444455556666"

// voximplantSession is the secret session that Logon hands out.
const voximplantSession = "vox-session-canary"

// voximplantExtra stands in Logon's answer as other secrets do.
const voximplantExtra = "vox-other-secret-canary"

// Voximplant simulates the platform API, which knows the addresses of the avatar API, and the avatar API's REST side at each of them, with an avatar
// whose sessions can sleep. A token is good at every address.
type Voximplant struct {
	Steps
	Faults
	cfg    VoximplantConfig
	api    *server
	nlu    []*server
	tokens *voximplantTokens
	client *http.Client
	later  sync.WaitGroup
	script atomic.Pointer[func(VoximplantUtterance) VoximplantAnswer]
	named  atomic.Pointer[[]string]

	logons     *record[VoximplantLogon]
	utterances *record[VoximplantUtterance]
	stops      *record[string]
	posts      *record[VoximplantPost]

	mu       sync.Mutex
	sessions map[string]*voximplantTalk
}

// VoximplantLogon is one call of Logon.
type VoximplantLogon struct {
	Method   string
	InURL    bool // the credentials stood in the URL
	Accepted bool
	Fault    string
}

// NewVoximplant starts the servers. Close ends them.
func NewVoximplant(cfg VoximplantConfig) (*Voximplant, error) {
	for _, d := range []struct {
		field *string
		value string
	}{
		{&cfg.AccountID, "1234567"}, {&cfg.APIKey, "vox-api-key-canary"}, {&cfg.SubuserLogin, "robot"},
		{&cfg.SubuserPassword, "vox-password-canary"}, {&cfg.AvatarID, DefaultVoximplantAvatar},
	} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	cfg.Addresses = max(cfg.Addresses, 1)
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&cfg.Lifetime, time.Hour}, {&cfg.RetryEvery, 50 * time.Millisecond}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if cfg.Retries == 0 {
		cfg.Retries = 5
	}
	cfg.Now = clockOr(cfg.Now)
	v := &Voximplant{
		cfg: cfg, tokens: newVoximplantTokens(cfg.Now), sessions: make(map[string]*voximplantTalk),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: time.Minute},
		logons: newRecord[VoximplantLogon](cfg.Keep), utterances: newRecord[VoximplantUtterance](cfg.Keep),
		stops: newRecord[string](cfg.Keep), posts: newRecord[VoximplantPost](cfg.Keep),
	}
	v.Answer(cfg.Answer)
	if err := v.start(); err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

func (v *Voximplant) start() (err error) {
	mux := http.NewServeMux()
	mux.HandleFunc("/platform_api/Logon", v.serveLogon)
	if v.api, err = listen(mux); err != nil {
		return err
	}
	var named []string
	for n := range v.cfg.Addresses {
		s, err := listen(v.avatarAPI(n))
		if err != nil {
			return err
		}
		v.nlu = append(v.nlu, s)
		slash := ""
		if n%2 == 1 {
			slash = "/" // some of them end in one
		}
		named = append(named, s.url+slash)
	}
	v.NameAddresses(named...)
	return nil
}

// URL is the platform API's base URL: what stands for https://api.voximplant.com.
func (v *Voximplant) URL() string { return v.api.url }

// Address is an address of the avatar API.
func (v *Voximplant) Address(n int) string { return v.nlu[n].url }

// NameAddresses changes what Logon names from now on.
func (v *Voximplant) NameAddresses(urls ...string) { v.named.Store(&urls) }

// Down ends one address of the avatar API: connections to it are refused from now on. Logon goes on naming it.
func (v *Voximplant) Down(n int) { v.nlu[n].close() }

// AccountID, APIKey and AvatarID are what is accepted.
func (v *Voximplant) AccountID() string { return v.cfg.AccountID }

// APIKey is the accepted key.
func (v *Voximplant) APIKey() string { return v.cfg.APIKey }

// Subuser is the accepted subuser.
func (v *Voximplant) Subuser() (login, password string) {
	return v.cfg.SubuserLogin, v.cfg.SubuserPassword
}

// AvatarID is the one avatar.
func (v *Voximplant) AvatarID() string { return v.cfg.AvatarID }

// Close ends the servers and the callbacks under way, and waits for them.
func (v *Voximplant) Close() {
	for _, s := range append([]*server{v.api}, v.nlu...) {
		if s != nil {
			s.close()
		}
	}
	v.later.Wait()
	v.client.CloseIdleConnections()
}

// Answer scripts what utterances bring from now on; nil is EchoUtterance.
func (v *Voximplant) Answer(script func(VoximplantUtterance) VoximplantAnswer) {
	if script == nil {
		script = EchoUtterance
	}
	v.script.Store(&script)
}

// EchoUtterance is the default script: one callback at once that repeats the words.
func EchoUtterance(u VoximplantUtterance) VoximplantAnswer {
	return VoximplantAnswer{After: []VoximplantCallback{{Response: "You said: " + u.Text}}}
}

// CountUtterance is a script that tells how many utterances the session remembers, as the avatar in Voximplant's own guide does.
func CountUtterance(u VoximplantUtterance) VoximplantAnswer {
	return VoximplantAnswer{After: []VoximplantCallback{{Response: strconv.Itoa(u.Nth)}}}
}

// Logons are the calls of Logon, in the order they arrived.
func (v *Voximplant) Logons() []VoximplantLogon { return v.logons.all() }

// Utterances are those that carried a good token, in the order they arrived.
func (v *Voximplant) Utterances() []VoximplantUtterance { return v.utterances.all() }

// Stops are the conversations that were stopped, in their order.
func (v *Voximplant) Stops() []string { return v.stops.all() }

// Posts are the callbacks posted so far, each attempt, in the order they ended.
func (v *Voximplant) Posts() []VoximplantPost { return v.posts.all() }

// Revoke makes the avatar API refuse, with 401, all tokens that were issued so far.
func (v *Voximplant) Revoke() { v.tokens.revoke() }

// Arrivals are the steps at which each turn passes the service, in order.
func (v *Voximplant) Arrivals() []Step { return []Step{LogonAsked, LoginAsked, UtteranceReceived} }

// Heard is Utterances in words that all services share.
func (v *Voximplant) Heard() []Heard {
	var h []Heard
	for _, u := range v.utterances.all() {
		h = append(h, u.heard())
	}
	return h
}

// Secrets are the credentials, what else Logon answers, and the first thousand tokens issued.
func (v *Voximplant) Secrets() []string {
	return append([]string{v.cfg.APIKey, v.cfg.SubuserPassword, voximplantSession, voximplantExtra}, v.tokens.issued.all()...)
}

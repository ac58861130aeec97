package voximplant

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	logonTimeout = 15 * time.Second
	maxAddresses = 16 // of the avatar API, that are kept
)

var errNoURL = errors.New("no absolute http or https address")

// platformAPI is Voximplant's platform API, which names the addresses of the avatar API.
type platformAPI struct {
	cfg    Config
	base   *url.URL
	client *http.Client
	now    func() time.Time
}

func newPlatformAPI(cfg Config, client *http.Client, now func() time.Time) (*platformAPI, error) {
	u, err := base(cfg.APIURL)
	if err != nil {
		return nil, err
	}
	return &platformAPI{cfg: cfg, base: u, client: client, now: now}, nil
}

// logon asks for the addresses of the avatar API, any of which will do; there is at least one, and each is an absolute http or https address
// without a slash at its end. They are untrusted: whoever connects to one must refuse what the operator did not allow. The session authorises a
// login, is a secret, and may be "". It makes one call; how that failed is a *fault.Outcome.
func (p *platformAPI) logon(ctx context.Context) (session string, nluAddresses []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, logonTimeout)
	defer cancel()
	ans, err := p.call(ctx)
	if err != nil {
		return "", nil, err
	}
	c := p.cfg.logonCall()
	if err := ans.outcome(c, p.now()); err != nil {
		return "", nil, err
	}
	if err := ans.tooLarge(); err != nil {
		return "", nil, err
	}
	var body struct {
		Result    json.RawMessage `json:"result"`
		Addresses json.RawMessage `json:"nlu_addresses"`
	}
	if json.Unmarshal(ans.body, &body) != nil {
		return "", nil, nonsense(c, ans, "no object")
	}
	if nluAddresses = addresses(body.Addresses); len(nluAddresses) == 0 {
		return "", nil, nonsense(c, ans, "no address of the avatar API")
	}
	_ = json.Unmarshal(body.Result, &session) // a login by key needs none
	return session, nluAddresses, nil
}

// call posts a form, which keeps the key out of the access logs on the way. Only a service that takes no POST gets the GET, which is documented too.
func (p *platformAPI) call(ctx context.Context) (*answer, error) {
	u, form := p.base.JoinPath("platform_api", "Logon"), p.form().Encode()
	ans, err := post(ctx, p.client, u, "", "application/x-www-form-urlencoded", strings.NewReader(form))
	if err != nil || ans.status != http.StatusMethodNotAllowed {
		return ans, err
	}
	u.RawQuery = form
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errNoURL
	}
	return do(p.client, req)
}

func (p *platformAPI) form() url.Values {
	form := url.Values{"account_id": {p.cfg.AccountID}}
	if p.cfg.APIKey != "" {
		form.Set("api_key", p.cfg.APIKey)
		return form
	}
	form.Set("subuser_login", p.cfg.SubuserLogin)
	form.Set("subuser_password", p.cfg.SubuserPassword)
	return form
}

// addresses reads a list of addresses, or a single one. What is no address is left out, and a bare host is taken for an https one.
func addresses(raw json.RawMessage) []string {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	var all []string
	for _, item := range list {
		var s string
		if json.Unmarshal(item, &s) != nil || s == "" || len(all) == maxAddresses {
			continue
		}
		if !strings.Contains(s, "://") {
			s = "https://" + s
		}
		if u, err := base(s); err == nil {
			all = append(all, u.String())
		}
	}
	return all
}

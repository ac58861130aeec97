package voximplant

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

var errNoURL = errors.New("no absolute http or https address")

// platformAPI is Voximplant's platform API, which names the addresses of the avatar API.
type platformAPI struct {
	cfg    Config
	base   *url.URL
	client *http.Client
	now    func() time.Time
}

// logon asks for the addresses of the avatar API, any of which will do; there is at least one. They are untrusted: whoever connects to one
// must refuse what the operator did not allow. The session authorises a login, and is a secret.
func (p *platformAPI) logon(ctx context.Context) (session string, nluAddresses []string, err error) {
	return "", nil, errors.New("not there yet")
}

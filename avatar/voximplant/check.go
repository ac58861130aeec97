package voximplant

import (
	"context"
	"net/url"
	"strings"

	"avatarbridge/bridges/fault"
)

// Check asks for the addresses of the avatar API and logs in. No word is sent.
func (b *Backend) Check(ctx context.Context) []fault.Finding {
	_, named, err := b.platform.logon(ctx)
	if err != nil {
		return []fault.Finding{finding("Logon failed at "+b.platform.base.Host, err, remedy(b.platform.base))}
	}
	found := []fault.Finding{{OK: true, What: "account accepted by " + b.platform.base.Host + ", avatar API at " + hosts(named)}}
	if g, ok := b.transport.(*grpcTransport); ok {
		return append(found, g.check(ctx))
	}
	r, ok := b.transport.(*rest)
	if !ok {
		return found
	}
	for _, address := range named {
		host := hosts([]string{address})
		if _, err := r.doorman.loginAt(ctx, address); err != nil {
			fix := "see whether " + host + " can be reached from here; if it is a private address of your own, set allow_private = true"
			found = append(found, finding("no login at "+host, err, fix))
			continue
		}
		found = append(found, fault.Finding{OK: true, What: "login accepted by " + host + "; whether avatar_id is right is seen with the first message"})
	}
	return found
}

func finding(what string, err error, fix string) fault.Finding {
	f := fault.Finding{What: what + ": " + err.Error(), Fix: fix}
	if o := fault.Of(err); o.Kind == fault.Dead && o.Reason != "" {
		f.Fix = o.Reason
	}
	return f
}

// hosts names the hosts of addresses and nothing else of them.
func hosts(named []string) string {
	var all []string
	for _, address := range named {
		if u, err := url.Parse(address); err == nil {
			all = append(all, u.Host)
		}
	}
	return strings.Join(all, ", ")
}

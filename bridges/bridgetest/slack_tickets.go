package bridgetest

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

type slackTicket struct {
	app   *SlackApp
	until time.Time
}

// openConnection is apps.connections.open.
func (s *Slack) openConnection(c *slackCall) *slackAnswer {
	s.out.mu.Lock()
	on := c.app.socketMode
	s.out.mu.Unlock()
	if !on {
		return slackFailure("access_denied")
	}
	ticket := randomText(40)
	s.tickets[ticket] = &slackTicket{app: c.app, until: s.clock.now().Add(slackTicketLasts)}
	return slackGood(map[string]any{"url": fmt.Sprintf("ws://%s/link/?ticket=%s&app_id=%s", s.addr, ticket, c.app.ID)})
}

// redeem returns the app of a ticket, which is good once, nil for none.
func (s *Slack) redeem(ticket string) *SlackApp {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tickets[ticket]
	delete(s.tickets, ticket)
	if t == nil || s.clock.now().After(t.until) {
		return nil
	}
	return t.app
}

// serveSocket opens a socket. Any Origin is accepted.
func (s *Slack) serveSocket(w http.ResponseWriter, r *http.Request) {
	if f := s.faults.take(slackWireCall{method: "socket"}); f != nil {
		if !pause(r, f.Delay) {
			return
		}
		if f.Effect != Slow {
			f.show(s, w, r)
			return
		}
	}
	app := s.redeem(r.URL.Query().Get("ticket"))
	if app == nil {
		http.Error(w, "invalid ticket", http.StatusForbidden)
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	c := &SlackConnection{s: s, app: app, ws: ws, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	ws.SetPingHandler(c.pinged)
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	if s.out.closed || s.out.offline {
		_ = ws.Close()
		return
	}
	n := len(s.out.of(app)) + 1
	s.out.sockets++
	c.Number = s.out.sockets
	if n > maxSlackSockets {
		c.draining = true
		c.send(slackFrame{body: c.goodbye("too_many_websockets"), last: true})
	} else {
		c.send(slackFrame{body: c.hello(n), written: s.log.signal})
		s.out.conns = append(s.out.conns, c)
	}
	s.work.Go(c.write)
	s.work.Go(c.read)
}

// of are the sockets of an app, of all for nil.
func (o *slackOutbox) of(a *SlackApp) []*SlackConnection {
	var list []*SlackConnection
	for _, c := range o.conns {
		if a == nil || c.app == a {
			list = append(list, c)
		}
	}
	return list
}

func (o *slackOutbox) connections(a *SlackApp) []*SlackConnection {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.of(a)
}

// Connections are the open sockets of an app, the oldest first; those of all apps for nil.
func (s *Slack) Connections(a *SlackApp) []*SlackConnection { return s.out.connections(a) }

// Opened is how many sockets were opened so far.
func (s *Slack) Opened() int {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.sockets
}

func (o *slackOutbox) forget(c *SlackConnection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, have := range o.conns {
		if have == c {
			o.conns = append(o.conns[:i:i], o.conns[i+1:]...)
			return
		}
	}
}

// DisableSocketMode switches Socket Mode off: the app's sockets get link_disabled, and no new one is opened until EnableSocketMode.
func (s *Slack) DisableSocketMode(a *SlackApp) {
	s.out.mu.Lock()
	a.socketMode = false
	list := s.out.of(a)
	s.out.mu.Unlock()
	for _, c := range list {
		c.Disconnect("link_disabled")
	}
}

// EnableSocketMode switches Socket Mode on; events go to the sockets then, whatever URL was set.
func (s *Slack) EnableSocketMode(a *SlackApp) {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	a.socketMode, a.requestURL = true, ""
}

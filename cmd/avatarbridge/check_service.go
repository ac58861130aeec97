package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"

	"avatarbridge/bridges/fault"
	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/cmd/avatarbridge/internal/control"
	"avatarbridge/cmd/avatarbridge/internal/server"
	"avatarbridge/cmd/avatarbridge/internal/wording"
)

// service looks at what the program itself needs: its two addresses, and that nobody has left it paused.
func (r *report) service(ctx context.Context, c *config.Config) {
	ctx, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	hand, err := running(ctx, c)
	if err != nil {
		r.found("server.admin_listen", fault.Finding{What: wording.Plain(err.Error()),
			Fix: "stop what runs there, or set another server.admin_listen"})
	} else {
		r.found("server.admin_listen", address(ctx, "server.admin_listen", c.Server.AdminListen, hand != nil))
	}
	mine := hand != nil && alive(ctx, c.Server.Listen)
	r.found("server.listen", address(ctx, "server.listen", c.Server.Listen, mine))
	r.paused(ctx, c, hand)
}

// address says whether the program can listen where it is configured to. Mine: what listens there is this program.
func address(ctx context.Context, key, addr string, mine bool) fault.Finding {
	if mine {
		return fault.Finding{OK: true, What: "this program runs at " + addr}
	}
	ln, err := server.Listen(ctx, key, addr)
	if errors.Is(err, server.ErrInUse) {
		return fault.Finding{What: "another program listens at " + addr, Fix: "stop that program, or set another " + key}
	}
	if err != nil {
		return fault.Finding{What: err.Error(), Fix: "set another " + key}
	}
	if err := ln.Close(); err != nil {
		return fault.Finding{What: err.Error()}
	}
	return fault.Finding{OK: true, What: addr + " is free"}
}

// alive says whether what listens at an address answers as the program's public side does.
func alive(ctx context.Context, addr string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+control.Reachable(addr)+"/livez", nil)
	if err != nil {
		return false
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close() // was only read
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16))
	return err == nil && resp.StatusCode == http.StatusOK && string(body) == "ok\n"
}

// paused asks the running program, or the database, since a pause outlives the program. A paused program is no failure.
func (r *report) paused(ctx context.Context, c *config.Config, hand control.Control) {
	if hand == nil {
		if _, err := os.Stat(c.Store.Path); errors.Is(err, fs.ErrNotExist) {
			return // nothing can have been paused
		}
		st, err := openStore(ctx, c, slog.New(slog.DiscardHandler))
		if err != nil {
			r.found("store", fault.Finding{What: err.Error()})
			return
		}
		defer func() {
			if err := st.Close(); err != nil {
				r.found("store", fault.Finding{What: err.Error()})
			}
		}()
		hand = control.Local{Store: st}
	}
	targets, err := hand.Paused(ctx)
	if err != nil {
		r.found("store", fault.Finding{What: err.Error()})
		return
	}
	if said := pauses(targets); said != "" {
		fmt.Fprintf(r.out, "! %s\n", said)
	}
}

package metrics

import (
	"context"
	"time"

	"avatarbridge/bridges/relay"
	"avatarbridge/store"
	"github.com/prometheus/client_golang/prometheus"
)

// scrapeTimeout bounds what a scrape asks of the store; Prometheus itself waits ten seconds by default.
const scrapeTimeout = 2 * time.Second

// Sources is where the gauges are read from at each scrape.
type Sources struct {
	// Depth counts what waits; it must obey its context. When it fails, its gauges are missing from the scrape and
	// avatarbridge_depth_known is 0.
	Depth func(context.Context) (store.Depth, error)
	// Status is the relay's; it must do no I/O.
	Status func() relay.Status
}

// Watch adds gauges that are read from src at each scrape. It may be called once; a second call panics.
func (s *Set) Watch(src Sources) {
	s.registry.MustRegister(&gauges{src: src, now: time.Now})
}

type gauges struct {
	src Sources
	now func() time.Time
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("avatarbridge_"+name, help, labels, nil)
}

var (
	waiting    = desc("waiting", "Turns and posts that wait or are under way.", "kind", "account")
	dead       = desc("dead_letters", "Dead letters that an operator can retry or drop.")
	oldest     = desc("oldest_waiting_seconds", "Age of the oldest turn or post that waits, 0 when none does.")
	depthKnown = desc("depth_known", "1 when the store could say what waits, else 0.")
	connected  = desc("bridge_connected", "1 when the bridge is connected to its platform, else 0.", "bridge", "platform")
	lastEvent  = desc("bridge_last_event_timestamp_seconds", "When the bridge's last event came.", "bridge", "platform")
	storeUp    = desc("store_up", "1 when the store takes messages, else 0.")
	pauses     = desc("pauses", "Pauses of an operator that are in force.")
)

// Describe sends all descriptions.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{waiting, dead, oldest, depthKnown, connected, lastEvent, storeUp, pauses} {
		ch <- d
	}
}

// Collect reads both sources.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	g.depth(gauge)
	st := g.src.Status()
	gauge(storeUp, number(st.Store == ""))
	gauge(pauses, float64(len(st.Paused)))
	for _, b := range st.Bridges {
		gauge(connected, number(b.Connected), b.Name, b.Platform)
		if !b.LastEvent.IsZero() {
			gauge(lastEvent, float64(b.LastEvent.UnixMilli())/1000, b.Name, b.Platform)
		}
	}
}

func (g *gauges) depth(gauge func(d *prometheus.Desc, v float64, labels ...string)) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	depth, err := g.src.Depth(ctx)
	gauge(depthKnown, number(err == nil))
	if err != nil {
		return // the store's own state says why; a scrape must not fail as a whole
	}
	for account, n := range depth.Turns {
		gauge(waiting, float64(n), "turn", account)
	}
	for account, n := range depth.Posts {
		gauge(waiting, float64(n), "post", account)
	}
	gauge(dead, float64(depth.Dead))
	var age time.Duration
	if !depth.Oldest.IsZero() {
		age = max(0, g.now().Sub(depth.Oldest))
	}
	gauge(oldest, age.Seconds())
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// Package metrics counts and measures what the program does, for Prometheus.
package metrics

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"avatarbridge/bridges/relay"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Set holds the program's metrics in a registry of its own. It is the relay's Meter; its methods may be called by several goroutines.
type Set struct {
	registry *prometheus.Registry
	messages *prometheus.CounterVec
	stages   *prometheus.HistogramVec
	counters series[prometheus.Counter]
	timers   series[prometheus.Observer]
}

var _ relay.Meter = (*Set)(nil)

// New returns a Set that measures the process, the Go runtime, and what is reported to it.
func New() *Set {
	s := &Set{
		registry: prometheus.NewRegistry(),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "avatarbridge_messages_total",
			Help: "What became of messages and posts.",
		}, []string{"what", "bridge", "avatar"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "avatarbridge_stage_seconds",
			Help: "How long a call of an avatar (ask), a call of a platform (send), and a message until its reply was stored (reply) took.",
			// From a local echo to an avatar that thinks for the whole default ask_timeout.
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300},
		}, []string{"stage", "bridge", "avatar"}),
	}
	s.registry.MustRegister(s.messages, s.stages, collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return s
}

// Count adds one.
func (s *Set) Count(what relay.Count, bridge, avatar string) {
	k := key{string(what), bridge, avatar}
	s.counters.get(k, func() prometheus.Counter { return s.messages.WithLabelValues(k[:]...) }).Inc()
}

// Took adds one duration.
func (s *Set) Took(stage, bridge, avatar string, d time.Duration) {
	k := key{stage, bridge, avatar}
	s.timers.get(k, func() prometheus.Observer { return s.stages.WithLabelValues(k[:]...) }).Observe(d.Seconds())
}

// Handler serves all metrics. At most four scrapes run at once, more get 503.
func (s *Set) Handler() http.Handler {
	return promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, EnableOpenMetrics: true})
}

type key [3]string

// series finds a metric by its labels without hashing them anew and without a lock. Labels are configured names, so that there are
// few series and, after the first minutes, no new ones.
type series[M any] struct {
	adding sync.Mutex
	known  atomic.Pointer[map[key]M]
}

func (s *series[M]) get(k key, add func() M) M {
	if known := s.known.Load(); known != nil {
		if m, ok := (*known)[k]; ok {
			return m
		}
	}
	s.adding.Lock()
	defer s.adding.Unlock()
	next := map[key]M{k: add()} // the vector returns the one it has when another goroutine was quicker
	if known := s.known.Load(); known != nil {
		for k, m := range *known {
			next[k] = m
		}
	}
	s.known.Store(&next)
	return next[k]
}

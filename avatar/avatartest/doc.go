// Package avatartest has simulators of avatar services and the tests that every avatar.Backend passes.
//
// The simulators (Virtuals, Voximplant, Webhook, OpenAI) are real HTTP servers on free ports of 127.0.0.1, written from the services' public wire
// and not from our clients. They need no *testing.T, so that load and crash programs can use them too. What a service does on its way is a Step:
// steps are counted, can be awaited, and are told to a hook at the very moment they happen. Faults are armed at the step at which a call arrives.
//
// Run is the suite.
package avatartest

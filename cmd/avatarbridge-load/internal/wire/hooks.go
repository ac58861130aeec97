package wire

// Hooks are called when something happens at a simulator of a platform; nil ones are not. The wire waits for them.
type Hooks struct {
	Step   func(step string)
	Posted func(chat, n int) // the first reply to a message came
	Polled func()            // the program begins to hear what is written: it polls, or a socket of it is open
}

// Reach tells of a step of the wire.
func (h *Hooks) Reach(step string) {
	if h.Step != nil {
		h.Step(step)
	}
}

// Hear tells that the program hears what is written.
func (h *Hooks) Hear() {
	if h.Polled != nil {
		h.Polled()
	}
}

// Answer tells of the first reply to a message.
func (h *Hooks) Answer(chat, n int) {
	if h.Posted != nil {
		h.Posted(chat, n)
	}
}

package openai

import "encoding/json"

// chunk is a piece of a completion, or a whole one.
type chunk struct {
	Choices []choice        `json:"choices"`
	Error   json.RawMessage `json:"error"`
	Object  text            `json:"object"`
}

// failed reports whether the chunk is an error.
func (c *chunk) failed() bool {
	switch string(c.Error) {
	case "", "null", "false", `""`:
		return c.Object == "error" || len(c.Choices) > 0 && c.Choices[0].Finish == "error"
	}
	return true
}

type choice struct {
	Delta   delta `json:"delta"`   // of a stream
	Message delta `json:"message"` // of a whole completion
	Finish  text  `json:"finish_reason"`
}

// text is what the choice adds to the answer.
func (c *choice) text() string {
	return string(c.Delta.Content + c.Delta.Refusal + c.Message.Content + c.Message.Refusal)
}

// thinks reports whether the model thinks, which is not said, but shows that it is alive.
func (c *choice) thinks() bool {
	return c.Delta.Reasoning != "" || c.Delta.ReasoningContent != "" || c.Message.Reasoning != "" || c.Message.ReasoningContent != ""
}

type delta struct {
	Content          text `json:"content"`
	Refusal          text `json:"refusal"`   // the model's own words where it does not want to answer
	Reasoning        text `json:"reasoning"` // two servers, two names
	ReasoningContent text `json:"reasoning_content"`
}

// text is a string, or a list of parts of which those with a text are meant. It does not fail the whole when it is something else.
type text string

// UnmarshalJSON never fails.
func (t *text) UnmarshalJSON(b []byte) error {
	*t = ""
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if json.Unmarshal(b, (*string)(t)) == nil || json.Unmarshal(b, &parts) != nil {
		return nil
	}
	for _, p := range parts {
		if p.Type == "text" {
			*t += text(p.Text)
		}
	}
	return nil
}

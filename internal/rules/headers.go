package rules

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/iotsql"
	"github.com/thingward/thingward/mqtt"
)

// RepublishHeaders are the MQTT 5 properties of a republished message. All of them may hold substitution templates; one
// whose template finds nothing is left out.
type RepublishHeaders struct {
	PayloadFormatIndicator string         `json:"payloadFormatIndicator,omitempty"` // UTF8_DATA or UNSPECIFIED_BYTES
	ContentType            string         `json:"contentType,omitempty"`
	ResponseTopic          string         `json:"responseTopic,omitempty"`
	CorrelationData        string         `json:"correlationData,omitempty"` // base64
	MessageExpiry          string         `json:"messageExpiry,omitempty"`   // seconds
	UserProperties         []UserProperty `json:"userProperties,omitempty"`
}

// A UserProperty is one of them, in the form of the API.
type UserProperty struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

const maxUserProperties = 100

// templates are those of a RepublishHeaders, parsed, by their text.
type templates map[string]*iotsql.Template

// parse returns the templates of h, which may be nil.
func (h *RepublishHeaders) parse() (templates, error) {
	if h == nil {
		return nil, nil
	}
	if len(h.UserProperties) > maxUserProperties {
		return nil, fmt.Errorf("headers: %d userProperties; %d are allowed", len(h.UserProperties), maxUserProperties)
	}
	texts := []string{h.PayloadFormatIndicator, h.ContentType, h.ResponseTopic, h.CorrelationData, h.MessageExpiry}
	for _, p := range h.UserProperties {
		texts = append(texts, p.Key, p.Value)
	}
	all := templates{}
	for _, text := range texts {
		t, err := iotsql.ParseTemplate(text)
		if err != nil {
			return nil, fmt.Errorf("headers: %q: %w", text, err)
		}
		all[text] = t
	}
	return all, nil
}

// properties evaluates h, which may be nil, for a message that is published now.
func (h *RepublishHeaders) properties(all templates, in *iotsql.Input, now time.Time) (*thingward.Properties, error) {
	if h == nil {
		return nil, nil
	}
	value := func(text string) string { return all[text].Evaluate(in) }
	p := &thingward.Properties{ContentType: value(h.ContentType), ResponseTopic: value(h.ResponseTopic)}
	switch format := value(h.PayloadFormatIndicator); format {
	case "", "UNSPECIFIED_BYTES":
	case "UTF8_DATA":
		p.UTF8 = true
	default:
		return nil, fmt.Errorf("header payloadFormatIndicator is %q, want UTF8_DATA or UNSPECIFIED_BYTES", format)
	}
	if p.ResponseTopic != "" {
		if err := mqtt.ValidTopicName(p.ResponseTopic); err != nil {
			return nil, fmt.Errorf("header responseTopic: %w", err)
		}
	}
	var err error
	if p.CorrelationData, err = base64.StdEncoding.DecodeString(value(h.CorrelationData)); err != nil {
		return nil, fmt.Errorf("header correlationData is no base64: %w", err)
	}
	if len(p.CorrelationData) == 0 {
		p.CorrelationData = nil
	}
	if expiry := value(h.MessageExpiry); expiry != "" {
		seconds, err := strconv.ParseUint(expiry, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("header messageExpiry is %q, want seconds", expiry)
		}
		p.Expires = now.Add(time.Duration(seconds) * time.Second)
	}
	for _, u := range h.UserProperties {
		p.User = append(p.User, thingward.UserProperty{Key: value(u.Key), Value: value(u.Value)})
	}
	return p, nil
}

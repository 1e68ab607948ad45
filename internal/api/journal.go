package api

import (
	"log/slog"
	"net/http"
	"reflect"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/journal"
)

// Signed returns a handler of the server's own that stands beside AWS's API: it asks for a signature of the service iot, and
// whether the access key may do action, before f gets the request.
func (h *Handler) Signed(action string, f func(http.ResponseWriter, *http.Request, *Caller)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := h.newCall(r)
		_, err := h.authenticate(w, c)
		if err == nil {
			err = c.may(action, "*", c.policyContext(nil))
		}
		if err != nil {
			h.finish(w, c, nil, err)
			return
		}
		f(w, r, c.caller)
	})
}

// event is what kind of event a call is: that of a device which was not let in is one of connecting.
func (c *call) event() []slog.Attr {
	if c.refused == nil {
		return []slog.Attr{slog.String("eventType", journal.APICall)}
	}
	return []slog.Attr{slog.String("eventType", journal.Connect), slog.String("protocol", "HTTP"), slog.String("reason", string(c.refused.Reason)),
		slog.String("scope", c.refused.Scope.String()), slog.String("principalId", c.refused.CertificateID)}
}

// subjects are the members of inputs and outputs by which the journal finds a call, with their names there.
var subjects = map[string]string{
	"certificateId": "principalId", "certificateArn": "principalId", "principal": "principalId", "target": "principalId",
	"thingName": "thingName", "clientId": "clientId",
	"policyName": "policyName", "newStatus": "newStatus", "ruleName": "ruleName", "thingGroupName": "thingGroupName",
	"thingTypeName": "thingTypeName", "targetAwsAccount": "targetAwsAccount",
}

// subject says what a call is about, as far as its input and its answer name that.
func (c *call) subject() (attrs []slog.Attr) {
	said := map[string]bool{}
	for _, members := range []any{c.input, c.output} {
		v := reflect.Indirect(reflect.ValueOf(members))
		if v.Kind() != reflect.Struct {
			continue
		}
		for i := range v.NumField() {
			member, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			name, text := subjects[member], v.Field(i)
			if name == "" || text.Kind() != reflect.String || text.Len() == 0 {
				continue
			}
			value := text.String()
			if name == "principalId" {
				name, value = principalOf(value)
			}
			if !said[name] {
				said[name] = true
				attrs = append(attrs, slog.String(name, value))
			}
		}
	}
	return attrs
}

// principalOf returns the id of a certificate; other principals and targets stay as they are.
func principalOf(s string) (name, value string) {
	arn, err := thingward.ParseARN(s)
	if err != nil {
		return "principalId", s
	}
	if kind, id := arn.Split(); kind == "cert" || kind == "cacert" {
		return "principalId", id
	}
	return "target", s
}

package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iotdata"
	"github.com/thingward/thingward/internal/broker"
)

func (d *door) messages() []operation {
	return []operation{
		on(&awsmodel.IoTData, "Publish", d.publish),
		on(&awsmodel.IoTData, "SendDirectMessage", d.sendDirectMessage),
	}
}

// publishResponse is in no model, but AWS answers so.
type publishResponse struct {
	Message string `json:"message"`
	TraceID string `json:"traceId"`
}

func (d *door) publish(ctx context.Context, c *Caller, in *iotdata.PublishRequest) (*publishResponse, error) {
	p, err := properties(in.UserProperties, in.PayloadFormatIndicator, in.ContentType, in.ResponseTopic, in.CorrelationData)
	if err != nil {
		return nil, err
	}
	if in.MessageExpiry != nil {
		if *in.MessageExpiry < 0 || *in.MessageExpiry > 1<<32-1 {
			return nil, thingward.Errorf(thingward.InvalidRequest, "messageExpiry must be a number of seconds from 0 to %d.", 1<<32-1)
		}
		if p == nil {
			p = new(thingward.Properties)
		}
		p.Expires = d.Now().Add(time.Duration(max(1, *in.MessageExpiry)) * time.Second)
	}
	m := &thingward.Message{Topic: in.Topic, Payload: in.Payload, QoS: byte(value(in.Qos)), Retain: given(in.Retain), Properties: p}
	if err := d.Broker.PublishAs(ctx, broker.Publisher{Principal: c.Principal, Domain: c.Domain, Source: c.Source}, m); err != nil {
		return nil, err
	}
	return &publishResponse{"OK", c.RequestID}, nil
}

// Seconds to wait for the acknowledgement of a direct message. AWS does not say what it does without a timeout.
const (
	defaultConfirmation = 5
	maxConfirmation     = 60
)

func (d *door) sendDirectMessage(ctx context.Context, c *Caller, in *iotdata.SendDirectMessageRequest) (*iotdata.SendDirectMessageResponse, error) {
	p, err := properties(in.UserProperties, in.PayloadFormatIndicator, in.ContentType, in.ResponseTopic, in.CorrelationData)
	if err != nil {
		return nil, err
	}
	timeout := int64(defaultConfirmation)
	if in.Timeout != nil {
		timeout = *in.Timeout
	}
	if timeout < 1 || timeout > maxConfirmation {
		return nil, thingward.Errorf(thingward.InvalidRequest, "timeout must be a number of seconds from 1 to %d.", maxConfirmation)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(timeout)*time.Second)
	defer cancel()
	m := &thingward.Message{Scope: c.Scope, Topic: in.Topic, Payload: in.Payload, Properties: p,
		Principal: c.Principal.ID, SourceIP: c.Source, Time: d.Now()}
	if given(in.Confirmation) {
		m.QoS = 1
	}
	if err := d.Broker.SendDirect(ctx, c.Scope, in.ClientId, m, given(in.Confirmation)); err != nil {
		return nil, err
	}
	return &iotdata.SendDirectMessageResponse{Message: "OK", TraceId: c.RequestID}, nil
}

// properties reads what travels with a message, nil if nothing does. User properties are a JSON array of objects
// with one member each, correlation data is base64.
func properties(user, format, contentType, responseTopic, correlation string) (*thingward.Properties, error) {
	if user+format+contentType+responseTopic+correlation == "" {
		return nil, nil
	}
	p := &thingward.Properties{UTF8: format == "UTF8_DATA", ContentType: contentType, ResponseTopic: responseTopic}
	if correlation != "" {
		var err error
		if p.CorrelationData, err = base64.StdEncoding.DecodeString(correlation); err != nil {
			return nil, thingward.Errorf(thingward.InvalidRequest, "The correlation data must be base64.")
		}
	}
	if user == "" {
		return p, nil
	}
	wrong := thingward.Errorf(thingward.InvalidRequest, `The user properties must be a JSON array of objects with one string member each, such as [{"name":"value"}].`)
	var list []map[string]string
	if err := json.Unmarshal([]byte(user), &list); err != nil {
		return nil, wrong
	}
	for _, object := range list {
		if len(object) != 1 {
			return nil, wrong
		}
		for key, v := range object {
			p.User = append(p.User, thingward.UserProperty{Key: key, Value: v})
		}
	}
	return p, nil
}

// userProperties is the way back, nil if there are none.
func userProperties(p *thingward.Properties) ([]byte, error) {
	if p == nil || len(p.User) == 0 {
		return nil, nil
	}
	list := make([]map[string]string, len(p.User))
	for i, u := range p.User {
		list[i] = map[string]string{u.Key: u.Value}
	}
	return marshal(list)
}

package api

import (
	"context"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iotdata"
)

func (d *door) retainedMessages() []operation {
	return []operation{
		on(&awsmodel.IoTData, "GetRetainedMessage", d.getRetainedMessage),
		on(&awsmodel.IoTData, "ListRetainedMessages", d.listRetainedMessages),
	}
}

func (d *door) getRetainedMessage(_ context.Context, c *Caller, in *iotdata.GetRetainedMessageRequest) (*iotdata.GetRetainedMessageResponse, error) {
	m := d.Broker.Retained(c.Scope, in.Topic)
	if m == nil {
		return nil, thingward.Errorf(thingward.ResourceNotFound, "There is no retained message on %s.", in.Topic)
	}
	user, err := userProperties(m.Properties)
	if err != nil {
		return nil, err
	}
	return &iotdata.GetRetainedMessageResponse{Topic: m.Topic, Payload: m.Payload, Qos: new(int64(m.QoS)),
		LastModifiedTime: new(m.Time.UnixMilli()), UserProperties: user}, nil
}

func (d *door) listRetainedMessages(_ context.Context, c *Caller, in *iotdata.ListRetainedMessagesRequest) (*iotdata.ListRetainedMessagesResponse, error) {
	list, more := d.Broker.ListRetained(c.Scope, in.NextToken, int(*in.MaxResults))
	out := &iotdata.ListRetainedMessagesResponse{RetainedTopics: mapped(list, retainedSummary)}
	if more {
		out.NextToken = list[len(list)-1].Topic
	}
	return out, nil
}

func retainedSummary(m *thingward.Message) iotdata.RetainedMessageSummary {
	return iotdata.RetainedMessageSummary{Topic: m.Topic, PayloadSize: new(int64(len(m.Payload))), Qos: new(int64(m.QoS)),
		LastModifiedTime: new(m.Time.UnixMilli())}
}

package api

import (
	"context"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iotdata"
	"github.com/thingward/thingward/internal/broker"
)

func (d *door) connections() []operation {
	return []operation{
		on(&awsmodel.IoTData, "DeleteConnection", d.deleteConnection),
		on(&awsmodel.IoTData, "GetConnection", d.getConnection),
		on(&awsmodel.IoTData, "ListSubscriptions", d.listSubscriptions),
	}
}

func (d *door) deleteConnection(_ context.Context, c *Caller, in *iotdata.DeleteConnectionRequest) (*none, error) {
	found, err := d.Broker.DisconnectClient(c.Scope, in.ClientId, given(in.CleanSession), given(in.PreventWillMessage))
	if err == nil && !found {
		err = noConnection(in.ClientId)
	}
	return nil, err
}

func noConnection(clientID string) error {
	return thingward.Errorf(thingward.ResourceNotFound, "The client %s is not connected and has no session.", clientID)
}

func (d *door) getConnection(_ context.Context, c *Caller, in *iotdata.GetConnectionRequest) (*iotdata.GetConnectionResponse, error) {
	client := d.Broker.Client(c.Scope, in.ClientId)
	if client == nil {
		return nil, noConnection(in.ClientId)
	}
	seconds := func(d time.Duration) *int64 { return new(int64(d / time.Second)) }
	out := &iotdata.GetConnectionResponse{ClientId: client.ClientID, Connected: &client.Connected, ThingName: client.ThingName,
		CleanSession: &client.Clean, DisconnectReason: string(client.Reason)}
	since := client.Since.UnixMilli()
	if client.Connected {
		out.ConnectedSince = &since
	} else {
		out.DisconnectedSince = &since
	}
	if client.KeepAlive > 0 {
		out.KeepAliveDuration = seconds(client.KeepAlive)
	}
	if client.Clean || client.SessionExpiry > 0 {
		out.SessionExpiry = seconds(client.SessionExpiry)
	}
	if given(in.IncludeSocketInformation) {
		if a := client.Source; a.IsValid() {
			out.SourceIp, out.SourcePort = a.Addr().String(), new(int64(a.Port()))
		}
		if a := client.Target; a.IsValid() {
			out.TargetIp, out.TargetPort = a.Addr().String(), new(int64(a.Port()))
		}
	}
	return out, nil
}

func (d *door) listSubscriptions(_ context.Context, c *Caller, in *iotdata.ListSubscriptionsRequest) (*iotdata.ListSubscriptionsResponse, error) {
	list, more, ok := d.Broker.Subscriptions(c.Scope, in.ClientId, in.NextToken, int(*in.MaxResults))
	if !ok {
		return nil, noConnection(in.ClientId)
	}
	out := &iotdata.ListSubscriptionsResponse{Subscriptions: mapped(list, func(s broker.Subscription) iotdata.SubscriptionSummary {
		return iotdata.SubscriptionSummary{TopicFilter: s.Filter, Qos: int64(s.QoS)}
	})}
	if more {
		out.NextToken = list[len(list)-1].Filter
	}
	return out, nil
}

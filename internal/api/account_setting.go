package api

import (
	"cmp"
	"context"
	"errors"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/registry"
)

func (d *door) accountSettings() []operation {
	return []operation{
		on(&awsmodel.IoT, "DescribeEventConfigurations", d.describeEventConfigurations),
		on(&awsmodel.IoT, "UpdateEventConfigurations", d.updateEventConfigurations),
		on(&awsmodel.IoT, "GetLoggingOptions", d.getLoggingOptions),
		on(&awsmodel.IoT, "SetLoggingOptions", d.setLoggingOptions),
		on(&awsmodel.IoT, "GetV2LoggingOptions", d.getV2LoggingOptions),
		on(&awsmodel.IoT, "SetV2LoggingOptions", d.setV2LoggingOptions),
		on(&awsmodel.IoT, "ListV2LoggingLevels", d.listV2LoggingLevels),
		on(&awsmodel.IoT, "SetV2LoggingLevel", d.setV2LoggingLevel),
		on(&awsmodel.IoT, "DeleteV2LoggingLevel", d.deleteV2LoggingLevel),
	}
}

func (d *door) describeEventConfigurations(ctx context.Context, c *Caller, _ *iot.DescribeEventConfigurationsRequest) (*iot.DescribeEventConfigurationsResponse, error) {
	e, err := d.Registry.DescribeEventConfigurations(ctx, c.Scope)
	if err != nil {
		return nil, err
	}
	out := &iot.DescribeEventConfigurationsResponse{EventConfigurations: make(map[string]iot.Configuration)}
	for name, enabled := range e.Enabled {
		out.EventConfigurations[name] = iot.Configuration{Enabled: &enabled}
	}
	if !e.Created.IsZero() {
		out.CreationDate, out.LastModifiedDate = awsmodel.TimeOf(e.Created), awsmodel.TimeOf(e.Modified)
	}
	return out, nil
}

func (d *door) updateEventConfigurations(ctx context.Context, c *Caller, in *iot.UpdateEventConfigurationsRequest) (*iot.UpdateEventConfigurationsResponse, error) {
	enabled := make(map[string]bool)
	for name, configuration := range in.EventConfigurations {
		enabled[name] = given(configuration.Enabled)
	}
	return nil, d.Registry.UpdateEventConfigurations(ctx, c.Scope, enabled)
}

const logsDisabled = "DISABLED"

// getLoggingOptions answers DISABLED when nothing was set, where the newer form has an exception.
func (d *door) getLoggingOptions(ctx context.Context, c *Caller, _ *iot.GetLoggingOptionsRequest) (*iot.GetLoggingOptionsResponse, error) {
	o, err := d.Registry.GetLoggingOptions(ctx, c.Scope)
	if errors.Is(err, &thingward.Error{Code: thingward.NotConfigured}) {
		return &iot.GetLoggingOptionsResponse{LogLevel: logsDisabled}, nil
	}
	if err != nil {
		return nil, err
	}
	return &iot.GetLoggingOptionsResponse{RoleArn: o.RoleARN, LogLevel: o.Level}, nil
}

func (d *door) setLoggingOptions(ctx context.Context, c *Caller, in *iot.SetLoggingOptionsRequest) (*none, error) {
	return nil, d.Registry.SetLoggingOptions(ctx, c.Scope, registry.LoggingOptions{
		RoleARN: in.LoggingOptionsPayload.RoleArn,
		Level:   cmp.Or(in.LoggingOptionsPayload.LogLevel, logsDisabled),
	})
}

func (d *door) getV2LoggingOptions(ctx context.Context, c *Caller, _ *iot.GetV2LoggingOptionsRequest) (*iot.GetV2LoggingOptionsResponse, error) {
	o, err := d.Registry.GetLoggingOptions(ctx, c.Scope)
	if err != nil {
		return nil, err
	}
	out := &iot.GetV2LoggingOptionsResponse{RoleArn: o.RoleARN, DefaultLogLevel: o.Level, DisableAllLogs: &o.DisableLogs}
	for _, e := range o.Events {
		out.EventConfigurations = append(out.EventConfigurations, iot.LogEventConfiguration{EventType: e.Type, LogLevel: e.Level, LogDestination: e.Destination})
	}
	return out, nil
}

func (d *door) setV2LoggingOptions(ctx context.Context, c *Caller, in *iot.SetV2LoggingOptionsRequest) (*none, error) {
	return nil, d.Registry.SetLoggingOptions(ctx, c.Scope, registry.LoggingOptions{
		RoleARN:     in.RoleArn,
		Level:       cmp.Or(in.DefaultLogLevel, logsDisabled),
		DisableLogs: given(in.DisableAllLogs),
		Events: mapped(in.EventConfigurations, func(e iot.LogEventConfiguration) registry.EventLevel {
			return registry.EventLevel{Type: e.EventType, Level: e.LogLevel, Destination: e.LogDestination}
		}),
	})
}

// listV2LoggingLevels answers in one page whatever is asked for: levels are few.
func (d *door) listV2LoggingLevels(ctx context.Context, c *Caller, in *iot.ListV2LoggingLevelsRequest) (*iot.ListV2LoggingLevelsResponse, error) {
	list, err := d.Registry.ListLoggingLevels(ctx, c.Scope, in.TargetType)
	return &iot.ListV2LoggingLevelsResponse{LogTargetConfigurations: mapped(list, func(l registry.LoggingLevel) iot.LogTargetConfiguration {
		return iot.LogTargetConfiguration{LogTarget: &iot.LogTarget{TargetType: l.Type, TargetName: l.Name}, LogLevel: l.Level}
	})}, err
}

func (d *door) setV2LoggingLevel(ctx context.Context, c *Caller, in *iot.SetV2LoggingLevelRequest) (*none, error) {
	return nil, d.Registry.SetLoggingLevel(ctx, c.Scope, registry.LoggingLevel{Type: in.LogTarget.TargetType, Name: in.LogTarget.TargetName, Level: in.LogLevel})
}

func (d *door) deleteV2LoggingLevel(ctx context.Context, c *Caller, in *iot.DeleteV2LoggingLevelRequest) (*none, error) {
	return nil, d.Registry.DeleteLoggingLevel(ctx, c.Scope, in.TargetType, in.TargetName)
}

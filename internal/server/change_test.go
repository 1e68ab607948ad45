package server_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
	mqtt3 "github.com/eclipse/paho.mqtt.golang"

	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/internal/server/servertest"
)

// A live connection is one that something happens to.
type live struct {
	s      *servertest.Server
	device *device
	client mqtt3.Client
	lost   <-chan struct{}
	id     string
}

// mayPublish and mayNot say what the connection's policies are now.
func (l *live) mayPublish(t *testing.T, topic string) {
	t.Helper()
	if err := wait(t, l.client.Publish(topic, 1, false, "x")); err != nil {
		t.Fatalf("publish to %s: %v", topic, err)
	}
}

func (l *live) mayNot(t *testing.T, topic string) {
	t.Helper()
	go l.client.Publish(topic, 1, false, "x") // it may wait long for a connection that is just being lost
	l.ended(t, "AUTH_ERROR", "PUBLISH to "+topic+" refused")
}

// ended waits for the end of the connection; its reason and details are in the journal.
func (l *live) ended(t *testing.T, reason, details string) {
	t.Helper()
	waitFor(t, "the end of the connection", l.lost)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	e, err := l.s.Latest(ctx, journal.Query{About: l.id, EventType: journal.Disconnect})
	if err != nil {
		t.Fatal(err)
	}
	if e.DisconnectReason != reason || !strings.Contains(e.Details, details) || e.PrincipalID != l.device.id {
		t.Errorf("disconnected: %s, %s (%s); want %s, %s", e.DisconnectReason, e.Details, e.PrincipalID, reason, details)
	}
}

// What an administrator changes holds for connections that are open, when the call has returned.
func TestChangesReachLiveConnections(t *testing.T) {
	s := servertest.New(t)
	// f connects a device that may use its own topics; do changes something and looks what the connection may do then.
	f := func(name, statements string, do func(t *testing.T, l *live)) {
		t.Run(name, func(t *testing.T) {
			l := &live{s: s, device: newDevice(t, s, statements), id: strings.ReplaceAll(name, " ", "-")}
			thing := &l.id
			_, err1 := l.device.cloud.CreateThing(t.Context(), &iot.CreateThingInput{ThingName: thing})
			_, err2 := l.device.cloud.AttachThingPrincipal(t.Context(), &iot.AttachThingPrincipalInput{ThingName: thing, Principal: &l.device.arn})
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			var err error
			if l.client, l.lost, err = connectWatched(t, s, l.device.Certificate, l.id, 4); err != nil {
				t.Fatal(err)
			}
			l.mayPublish(t, "own/a")
			do(t, l)
		})
	}
	must := func(t *testing.T, _ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	setStatus := func(t *testing.T, l *live, status types.CertificateStatus) {
		t.Helper()
		out, err := l.device.cloud.UpdateCertificate(t.Context(), &iot.UpdateCertificateInput{CertificateId: &l.device.id, NewStatus: status})
		must(t, out, err)
	}
	detach := func(t *testing.T, l *live, name, target string) {
		t.Helper()
		out, err := l.device.cloud.DetachPolicy(t.Context(), &iot.DetachPolicyInput{PolicyName: &name, Target: &target})
		must(t, out, err)
	}
	own := func(l *live) string { return "policy-" + l.device.id[:8] }
	// group puts the thing into a new group whose policy lets it publish to more/#, and returns the group's ARN.
	group := func(t *testing.T, l *live, name string) string {
		t.Helper()
		policy := "policy-of-" + name
		made, err := l.device.cloud.CreateThingGroup(t.Context(), &iot.CreateThingGroupInput{ThingGroupName: &name})
		must(t, made, err)
		document := strings.ReplaceAll(`{"Version":"2012-10-17","Statement":[`+allowMore+`]}`, "$ARN", s.Scope().ARN(""))
		_, err1 := l.device.cloud.CreatePolicy(t.Context(), &iot.CreatePolicyInput{PolicyName: &policy, PolicyDocument: &document})
		_, err2 := l.device.cloud.AttachPolicy(t.Context(), &iot.AttachPolicyInput{PolicyName: &policy, Target: made.ThingGroupArn})
		_, err3 := l.device.cloud.AddThingToThingGroup(t.Context(), &iot.AddThingToThingGroupInput{ThingName: &l.id, ThingGroupName: &name})
		must(t, nil, errors.Join(err1, err2, err3))
		l.mayPublish(t, "more/a")
		return *made.ThingGroupArn
	}

	f("deactivated", allowOwn, func(t *testing.T, l *live) {
		setStatus(t, l, types.CertificateStatusInactive)
		l.ended(t, "AUTH_ERROR", l.device.id+" is INACTIVE")
	})
	f("revoked", allowOwn, func(t *testing.T, l *live) {
		setStatus(t, l, types.CertificateStatusRevoked)
		l.ended(t, "AUTH_ERROR", l.device.id+" is REVOKED")
	})
	f("deleted", allowOwn, func(t *testing.T, l *live) { // nobody deletes what is ACTIVE
		out, err := l.device.cloud.DeleteCertificate(t.Context(), &iot.DeleteCertificateInput{CertificateId: &l.device.id, ForceDelete: true})
		if err == nil {
			t.Fatalf("an ACTIVE certificate was deleted: %v", out)
		}
		l.mayPublish(t, "own/a")
		_, err = l.device.cloud.DetachThingPrincipal(t.Context(), &iot.DetachThingPrincipalInput{ThingName: &l.id, Principal: &l.device.arn})
		must(t, nil, err)
		setStatus(t, l, types.CertificateStatusInactive)
		_, err = l.device.cloud.DeleteCertificate(t.Context(), &iot.DeleteCertificateInput{CertificateId: &l.device.id, ForceDelete: true})
		must(t, nil, err)
		l.ended(t, "AUTH_ERROR", l.device.id+" is INACTIVE")
	})
	f("policy detached", allowOwn, func(t *testing.T, l *live) {
		detach(t, l, own(l), l.device.arn)
		l.mayNot(t, "own/a")
	})
	f("policy attached", allowOwn, func(t *testing.T, l *live) {
		l.device.attach(t, s, "more", allowMore)
		l.mayPublish(t, "more/a")
	})
	f("denied for all", allowOwn, func(t *testing.T, l *live) {
		l.device.attach(t, s, "deny", `{"Effect":"Deny","Action":"iot:Publish","Resource":"*"}`)
		l.mayNot(t, "own/a")
	})
	f("new default version", allowOwn, func(t *testing.T, l *live) {
		_, err := l.device.cloud.CreatePolicyVersion(t.Context(), &iot.CreatePolicyVersionInput{
			PolicyName:     aws.String(own(l)),
			PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:Publish","Resource":"` + s.Scope().ARN("topic/more/*") + `"}}`),
			SetAsDefault:   true,
		})
		must(t, nil, err)
		l.mayPublish(t, "more/a")
		_, err = l.device.cloud.SetDefaultPolicyVersion(t.Context(), &iot.SetDefaultPolicyVersionInput{PolicyName: aws.String(own(l)), PolicyVersionId: aws.String("1")})
		must(t, nil, err)
		l.mayPublish(t, "own/a")
		l.mayNot(t, "more/a")
	})
	f("thing detached", allowConnect+`,{"Effect":"Allow","Action":"iot:Publish","Resource":"$ARNtopic/own/*","Condition":{"Bool":{"iot:Connection.Thing.IsAttached":"true"}}}`, func(t *testing.T, l *live) {
		_, err := l.device.cloud.DetachThingPrincipal(t.Context(), &iot.DetachThingPrincipalInput{ThingName: &l.id, Principal: &l.device.arn})
		must(t, nil, err)
		l.mayNot(t, "own/a")
	})
	f("attribute changed", allowConnect+`,{"Effect":"Allow","Action":"iot:Publish","Resource":["$ARNtopic/own/*","$ARNtopic/${iot:Connection.Thing.Attributes[room]}/*"]}`, func(t *testing.T, l *live) {
		_, err := l.device.cloud.UpdateThing(t.Context(), &iot.UpdateThingInput{ThingName: &l.id, AttributePayload: &types.AttributePayload{Attributes: map[string]string{"room": "cellar"}}})
		must(t, nil, err)
		l.mayPublish(t, "cellar/a")
		_, err = l.device.cloud.UpdateThing(t.Context(), &iot.UpdateThingInput{ThingName: &l.id, AttributePayload: &types.AttributePayload{Attributes: map[string]string{"room": "attic"}}})
		must(t, nil, err)
		l.mayNot(t, "cellar/a")
	})
	f("removed from its group", allowOwn, func(t *testing.T, l *live) {
		group(t, l, "hall")
		_, err := l.device.cloud.RemoveThingFromThingGroup(t.Context(), &iot.RemoveThingFromThingGroupInput{ThingName: &l.id, ThingGroupName: aws.String("hall")})
		must(t, nil, err)
		l.mayPublish(t, "own/a")
		l.mayNot(t, "more/a")
	})
	f("policy detached from its group", allowOwn, func(t *testing.T, l *live) {
		detach(t, l, "policy-of-plant", group(t, l, "plant"))
		l.mayPublish(t, "own/a")
		l.mayNot(t, "more/a")
	})
	f("group deleted", allowOwn, func(t *testing.T, l *live) {
		group(t, l, "shed")
		_, err := l.device.cloud.DeleteThingGroup(t.Context(), &iot.DeleteThingGroupInput{ThingGroupName: aws.String("shed")})
		must(t, nil, err)
		l.mayPublish(t, "own/a")
		l.mayNot(t, "more/a")
	})
}

const allowConnect = `{"Effect":"Allow","Action":"iot:Connect","Resource":"$ARNclient/${iot:ClientId}"}`

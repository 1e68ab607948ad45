package api

import (
	"context"

	"github.com/thingward/thingward/internal/api/awsmodel"
)

func (d *door) callerIdentity() []operation {
	return []operation{on(&awsmodel.STS, "GetCallerIdentity", d.getCallerIdentity)}
}

type getCallerIdentityResponse struct{ Arn, UserId, Account string }

func (d *door) getCallerIdentity(_ context.Context, c *Caller, _ *none) (*getCallerIdentityResponse, error) {
	return &getCallerIdentityResponse{Arn: c.ARN, UserId: c.UserID, Account: c.Scope.Account}, nil
}

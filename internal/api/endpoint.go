package api

import (
	"context"
	"slices"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
)

func (d *door) endpoints() []operation {
	return []operation{on(&awsmodel.IoT, "DescribeEndpoint", d.describeEndpoint)}
}

// endpointTypes are all answered with the one host name that devices use.
var endpointTypes = []string{"iot:Data", "iot:Data-ATS", "iot:CredentialProvider", "iot:Jobs"}

func (d *door) describeEndpoint(ctx context.Context, c *Caller, in *iot.DescribeEndpointRequest) (*iot.DescribeEndpointResponse, error) {
	if in.EndpointType != "" && !slices.Contains(endpointTypes, in.EndpointType) {
		return nil, thingward.Errorf(thingward.InvalidRequest, "Endpoint type %s is not one of %s.", in.EndpointType, strings.Join(endpointTypes, ", "))
	}
	return &iot.DescribeEndpointResponse{EndpointAddress: d.Endpoint}, nil
}

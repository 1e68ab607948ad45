package api

import (
	"fmt"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/function"
)

// resourceTable says on which resources the operations of AWS IoT are judged, as the Service Authorization Reference
// does ("Actions, resources, and condition keys for AWS IoT"). {member} stands for a member of the request; a resource
// whose member is absent does not count. Operations that are not here, or whose members are all absent, are judged on *.
var resourceTable = []struct{ resources, operations string }{
	{"thing/{thingName}", "DeleteThing DescribeThing UpdateThing ListThingGroupsForThing GetThingConnectivityData ListJobExecutionsForThing ListMetricValues ListNamedShadowsForThing " +
		"GetPendingJobExecutions StartNextPendingJobExecution UpdateJobExecution"},
	{"thing/{thingName} billinggroup/{billingGroupName}", "CreateThing"},
	{"thing/{thingName} {thingArn} billinggroup/{billingGroupName} {billingGroupArn}", "AddThingToBillingGroup RemoveThingFromBillingGroup"},
	{"thing/{thingName} {thingArn} thinggroup/{thingGroupName} {thingGroupArn}", "AddThingToThingGroup RemoveThingFromThingGroup"},
	{"thing/{thingName} thinggroup/{thingGroupsToAdd} thinggroup/{thingGroupsToRemove}", "UpdateThingGroupsForThing"},
	{"thing/{thingName}/{shadowName}", "GetThingShadow UpdateThingShadow DeleteThingShadow"},
	{"thinggroup/{thingGroupName}", "CreateThingGroup DeleteThingGroup DescribeThingGroup ListThingsInThingGroup UpdateThingGroup " +
		"CreateDynamicThingGroup DeleteDynamicThingGroup UpdateDynamicThingGroup"},
	{"thingtype/{thingTypeName}", "CreateThingType DeleteThingType DeprecateThingType DescribeThingType UpdateThingType"},
	{"billinggroup/{billingGroupName}", "CreateBillingGroup DeleteBillingGroup DescribeBillingGroup ListThingsInBillingGroup UpdateBillingGroup"},

	{"policy/{policyName}", "CreatePolicy CreatePolicyVersion DeletePolicy DeletePolicyVersion GetPolicy GetPolicyVersion ListTargetsForPolicy SetDefaultPolicyVersion"},
	{"{target}", "AttachPolicy DetachPolicy"},
	{"{principal}", "AttachPrincipalPolicy DetachPrincipalPolicy GetEffectivePolicies TestAuthorization"},

	{"cert/{certificateId}", "AcceptCertificateTransfer CancelCertificateTransfer DeleteCertificate DescribeCertificate RejectCertificateTransfer TransferCertificate UpdateCertificate"},
	{"cacert/{certificateId}", "DeleteCACertificate DescribeCACertificate UpdateCACertificate"},
	{"rolealias/{roleAlias}", "CreateRoleAlias DeleteRoleAlias DescribeRoleAlias UpdateRoleAlias"},
	{"domainconfiguration/{domainConfigurationName}/", "CreateDomainConfiguration DeleteDomainConfiguration DescribeDomainConfiguration UpdateDomainConfiguration"},
	{"rule/{ruleName}", "CreateTopicRule DeleteTopicRule DisableTopicRule EnableTopicRule GetTopicRule ReplaceTopicRule"},
	{"{arn}", "DeleteTopicRuleDestination GetTopicRuleDestination UpdateTopicRuleDestination"},
	{"{resourceArn}", "ListTagsForResource TagResource UntagResource"},
	{"authorizer/{authorizerName}", "CreateAuthorizer DeleteAuthorizer DescribeAuthorizer SetDefaultAuthorizer TestInvokeAuthorizer UpdateAuthorizer"},
	{"provisioningtemplate/{templateName}", "CreateProvisioningClaim CreateProvisioningTemplate CreateProvisioningTemplateVersion DeleteProvisioningTemplate " +
		"DeleteProvisioningTemplateVersion DescribeProvisioningTemplate DescribeProvisioningTemplateVersion ListProvisioningTemplateVersions UpdateProvisioningTemplate"},

	{"job/{jobId} {targets}", "AssociateTargetsWithJob CreateJob"},
	{"job/{jobId}", "CancelJob DeleteJob DescribeJob GetJobDocument ListJobExecutionsForJob UpdateJob"},
	{"job/{jobId} thing/{thingName}", "CancelJobExecution DeleteJobExecution"},
	{"jobtemplate/{jobTemplateId}", "CreateJobTemplate DeleteJobTemplate DescribeJobTemplate"},
	{"thing/{thingName}", "DescribeJobExecution"},
	{"index/{indexName}", "DescribeIndex GetBucketsAggregation GetCardinality GetPercentiles GetStatistics SearchIndex"},
	{"stream/{streamId}", "CreateStream DeleteStream DescribeStream UpdateStream"},

	{"client/{clientId}", "DeleteConnection GetConnection ListSubscriptions SendDirectMessage"},
	{"topic/{topic}", "GetRetainedMessage"},
}

// resourcesOf is resourceTable by operation.
var resourcesOf = func() map[string][]string {
	m := make(map[string][]string)
	for _, line := range resourceTable {
		for operation := range strings.FieldsSeq(line.operations) {
			m[operation] = strings.Fields(line.resources)
		}
	}
	return m
}()

// passesRole are the operations that hand over a role: the caller needs iam:PassRole on it.
var passesRole = map[string]bool{
	"CreateTopicRule": true, "ReplaceTopicRule": true, "CreateRoleAlias": true, "UpdateRoleAlias": true,
	"SetLoggingOptions": true, "SetV2LoggingOptions": true, "CreateFunction": true,
}

// unjudged are the operations that the wrapper lets pass: Publish is judged by the broker, as every message is, and
// nobody can be kept from asking who he is, as on AWS.
var unjudged = map[string]bool{"Publish": true, "GetCallerIdentity": true}

// A need is an action on a resource that the caller has to be allowed.
type need struct{ action, resource string }

// needs returns what a caller in scope needs for an operation with these members.
func needs(m *awsmodel.Service, operation string, scope thingward.Scope, members map[string]any) []need {
	action := "iot:" + operation
	switch {
	case m == &awsmodel.Lambda && operation == "Invoke":
		action = "lambda:InvokeFunction"
	case m == &awsmodel.Lambda, m == &awsmodel.Thingward:
		action = m.Name + ":" + operation
	}
	var list []need
	for _, resource := range resources(m, operation, scope, members) {
		list = append(list, need{action, resource})
	}
	if list == nil {
		list = []need{{action, "*"}}
	}
	if passesRole[operation] {
		for _, role := range roles(members) {
			list = append(list, need{"iam:PassRole", role})
		}
	}
	return list
}

// resources returns the ARNs of the resources that members name.
func resources(m *awsmodel.Service, operation string, scope thingward.Scope, members map[string]any) (list []string) {
	if m == &awsmodel.Lambda {
		name, ok := members["FunctionName"].(string)
		if !ok {
			return nil
		}
		arn := functionARN(scope, name, members["Qualifier"])
		if operation != "Invoke" { // the others are about the function, whose only version this is
			arn = strings.TrimSuffix(arn, ":"+function.Latest)
		}
		return []string{arn}
	}
	for _, template := range resourcesOf[operation] {
		kind, rest, _ := strings.Cut(template, "{")
		name, rest, _ := strings.Cut(rest, "}")
		for _, value := range listed(members[name]) {
			if kind == "" { // the member is an ARN itself
				list = append(list, value)
				continue
			}
			list = append(list, scope.ARN(kind+value+trailing(rest, members)))
		}
	}
	return list
}

// trailing returns what comes behind the first member of a resource: a slash, or one and another member if that is there.
func trailing(rest string, members map[string]any) string {
	slash, name, ok := strings.Cut(rest, "{")
	if !ok {
		return rest
	}
	value := listed(members[strings.TrimSuffix(name, "}")])
	if len(value) == 0 {
		return ""
	}
	return slash + value[0]
}

// listed returns a member as a list: of one, of several, or of none.
func listed(member any) (list []string) {
	switch v := member.(type) {
	case string:
		list = append(list, v)
	case []any:
		for _, element := range v {
			list = append(list, fmt.Sprint(element))
		}
	}
	return list
}

// functionARN returns the ARN of a function that a request names in one of Lambda's ways.
func functionARN(scope thingward.Scope, name string, qualifier any) string {
	if account, rest, ok := strings.Cut(name, ":function:"); ok && !strings.HasPrefix(name, "arn:") {
		scope.Account, name = account, rest
	}
	arn := name
	if !strings.HasPrefix(name, "arn:") {
		arn = scope.ServiceARN("lambda", "function:"+name)
	}
	if q, ok := qualifier.(string); ok && q != "" && !strings.HasSuffix(arn, ":"+q) {
		arn += ":" + q
	}
	return arn
}

// roles returns the roles that members hand over, at any depth.
func roles(members any) (list []string) {
	switch v := members.(type) {
	case map[string]any:
		for name, member := range v {
			if role, ok := member.(string); ok && (name == "roleArn" || name == "Role") {
				list = append(list, role)
				continue
			}
			list = append(list, roles(member)...)
		}
	case []any:
		for _, element := range v {
			list = append(list, roles(element)...)
		}
	}
	return list
}

iot CreateKeysAndCertificate {"setAsActive": true}
	{"certificateArn": "$cert", "certificateId": "$certId"}
iot CreatePolicy {"policyName": "device", "policyDocument": "$policy", "tags": [{"Key": "team", "Value": "a"}]}
	{"policyName": "device", "policyArn": "$policyArn", "policyDocument": "$policy", "policyVersionId": "1"}
iot CreatePolicy {"policyName": "bad", "policyDocument": "{\"Version\": \"2012-10-17\"}"}
	MalformedPolicyException 400
iot CreatePolicy {"policyName": "device", "policyDocument": "$policy2"}
	ResourceAlreadyExistsException 409
iot GetPolicy {"policyName": "device"}
	{"policyName": "device", "policyArn": "$policyArn", "policyDocument": "$policy", "defaultVersionId": "1", "creationDate": "*", "lastModifiedDate": "*", "generationId": "*"}
iot GetPolicy {"policyName": "nothing"}
	ResourceNotFoundException 404
iot ListPolicies {}
	{"policies": [{"policyName": "device", "policyArn": "$policyArn"}]}
iot ListPolicies {"marker": "not-a-marker"}
	InvalidRequestException 400
iot ListTagsForResource {"resourceArn": "$policyArn"}
	{"tags": [{"Key": "team", "Value": "a"}]}

# Versions.
iot CreatePolicyVersion {"policyName": "device", "policyDocument": "$policy2"}
	{"policyArn": "$policyArn", "policyDocument": "$policy2", "policyVersionId": "2", "isDefaultVersion": false}
iot CreatePolicyVersion {"policyName": "nothing", "policyDocument": "$policy"}
	ResourceNotFoundException 404
iot CreatePolicyVersion {"policyName": "device", "policyDocument": "{"}
	MalformedPolicyException 400
iot GetPolicyVersion {"policyName": "device", "policyVersionId": "2"}
	{"policyArn": "$policyArn", "policyName": "device", "policyDocument": "$policy2", "policyVersionId": "2", "isDefaultVersion": false, "creationDate": "*", "lastModifiedDate": "*", "generationId": "*"}
iot GetPolicyVersion {"policyName": "device", "policyVersionId": "9"}
	ResourceNotFoundException 404
iot ListPolicyVersions {"policyName": "device"}
	{"policyVersions": [{"versionId": "2", "isDefaultVersion": false, "createDate": "*"}, {"versionId": "1", "isDefaultVersion": true}]}
iot ListPolicyVersions {"policyName": "nothing"}
	ResourceNotFoundException 404
iot SetDefaultPolicyVersion {"policyName": "device", "policyVersionId": "2"}
	{}
iot SetDefaultPolicyVersion {"policyName": "device", "policyVersionId": "9"}
	ResourceNotFoundException 404
iot DeletePolicyVersion {"policyName": "device", "policyVersionId": "2"}
	DeleteConflictException 409
iot DeletePolicyVersion {"policyName": "device", "policyVersionId": "1"}
	{}

# Attachments.
iot AttachPolicy {"policyName": "device", "target": "$cert"}
	{}
iot AttachPolicy {"policyName": "nothing", "target": "$cert"}
	ResourceNotFoundException 404
iot ListAttachedPolicies {"target": "$cert", "recursive": true}
	{"policies": [{"policyName": "device", "policyArn": "$policyArn"}]}
iot ListAttachedPolicies {"target": "arn:aws:iot:us-east-1:111122223333:cert/0000000000000000000000000000000000000000000000000000000000000000"}
	ResourceNotFoundException 404
iot ListTargetsForPolicy {"policyName": "device"}
	{"targets": ["$cert"]}
iot ListTargetsForPolicy {"policyName": "nothing"}
	ResourceNotFoundException 404
iot DeletePolicy {"policyName": "device"}
	DeleteConflictException 409

# What they come to.
iot TestAuthorization {"principal": "$cert", "authInfos": [{"actionType": "PUBLISH", "resources": ["arn:aws:iot:us-east-1:111122223333:topic/a"]}, {"actionType": "PUBLISH", "resources": ["arn:aws:iot:us-east-1:111122223333:topic/b"]}]}
	{"authResults": [{"authDecision": "ALLOWED", "allowed": {"policies": [{"policyName": "device"}]}}, {"authDecision": "IMPLICIT_DENY", "denied": {"implicitDeny": {"policies": [{"policyName": "device"}]}}}]}
iot TestAuthorization {"principal": "arn:aws:iot:us-east-1:111122223333:cert/0000000000000000000000000000000000000000000000000000000000000000", "authInfos": [{"actionType": "PUBLISH", "resources": ["arn:aws:iot:us-east-1:111122223333:topic/a"]}]}
	ResourceNotFoundException 404
iot GetEffectivePolicies {"principal": "$cert"}
	{"effectivePolicies": [{"policyName": "device", "policyArn": "$policyArn", "policyDocument": "$policy2"}]}
iot GetEffectivePolicies {"thingName": "nothing"}
	ResourceNotFoundException 404

iot DetachPolicy {"policyName": "nothing", "target": "$cert"}
	ResourceNotFoundException 404
iot DetachPolicy {"policyName": "device", "target": "$cert"}
	{}

# The same with the operations of old.
iot AttachPrincipalPolicy {"policyName": "device", "principal": "$cert"}
	{}
iot AttachPrincipalPolicy {"policyName": "nothing", "principal": "$cert"}
	ResourceNotFoundException 404
iot ListPolicyPrincipals {"policyName": "device"}
	{"principals": ["$cert"]}
iot ListPolicyPrincipals {"policyName": "nothing"}
	ResourceNotFoundException 404
iot ListPrincipalPolicies {"principal": "$cert"}
	{"policies": [{"policyName": "device", "policyArn": "$policyArn"}]}
iot ListPrincipalPolicies {"principal": "arn:aws:iot:us-east-1:111122223333:thing/a"}
	InvalidRequestException 400
iot DetachPrincipalPolicy {"policyName": "nothing", "principal": "$cert"}
	ResourceNotFoundException 404
iot DetachPrincipalPolicy {"policyName": "device", "principal": "$cert"}
	{}
iot DeletePolicy {"policyName": "device"}
	{}
iot DeletePolicy {"policyName": "device"}
	ResourceNotFoundException 404

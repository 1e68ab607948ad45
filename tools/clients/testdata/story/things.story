# Thing types.
iot CreateThingType {"thingTypeName": "pump", "thingTypeProperties": {"thingTypeDescription": "moves water", "searchableAttributes": ["floor"]}, "tags": [{"Key": "team", "Value": "a"}]}
	{"thingTypeName": "pump", "thingTypeArn": "$type", "thingTypeId": "*"}
iot CreateThingType {"thingTypeName": "pump", "thingTypeProperties": {"thingTypeDescription": "something else"}}
	ResourceAlreadyExistsException 409
iot CreateThingType {"thingTypeName": "valve"}
	{"thingTypeName": "valve"}
iot UpdateThingType {"thingTypeName": "valve", "thingTypeProperties": {"searchableAttributes": ["room"]}}
	{}
iot UpdateThingType {"thingTypeName": "nothing"}
	ResourceNotFoundException 404
iot DescribeThingType {"thingTypeName": "valve"}
	{"thingTypeName": "valve", "thingTypeProperties": {"searchableAttributes": ["room"]}, "thingTypeMetadata": {"deprecated": false, "creationDate": "*"}}
iot DescribeThingType {"thingTypeName": "nothing"}
	ResourceNotFoundException 404
iot ListThingTypes {"maxResults": 1}
	{"thingTypes": [{"thingTypeName": "pump"}], "nextToken": "$page"}
iot ListThingTypes {"maxResults": 1, "nextToken": "$page"}
	{"thingTypes": [{"thingTypeName": "valve"}], "nextToken": "-"}
iot ListThingTypes {"nextToken": "not-a-token"}
	InvalidRequestException 400
iot DeleteThingType {"thingTypeName": "valve"}
	InvalidRequestException 400
iot DeprecateThingType {"thingTypeName": "valve"}
	{}
iot DeprecateThingType {"thingTypeName": "nothing"}
	ResourceNotFoundException 404
# Five minutes must pass.
iot DeleteThingType {"thingTypeName": "valve"}
	InvalidRequestException 400
local Later {"minutes": 6}
	{}
iot DeleteThingType {"thingTypeName": "valve"}
	{}

# Things.
iot CreateThing {"thingName": "pump-1", "thingTypeName": "pump", "attributePayload": {"attributes": {"floor": "1"}}}
	{"thingName": "pump-1", "thingArn": "$thing", "thingId": "$thingId"}
iot CreateThing {"thingName": "pump-1", "attributePayload": {"attributes": {"floor": "2"}}}
	ResourceAlreadyExistsException 409
iot CreateThing {"thingName": "no good name"}
	InvalidRequestException 400
iot CreateThing {"thingName": "pump-2"}
	{"thingName": "pump-2"}
iot UpdateThing {"thingName": "pump-1", "attributePayload": {"attributes": {"room": "7"}, "merge": true}, "expectedVersion": 1}
	{}
iot UpdateThing {"thingName": "pump-1", "expectedVersion": 1}
	VersionConflictException 409
iot DescribeThing {"thingName": "pump-1"}
	{"defaultClientId": "pump-1", "thingName": "pump-1", "thingId": "$thingId", "thingArn": "$thing", "thingTypeName": "pump", "attributes": {"floor": "1", "room": "7"}, "version": 2}
iot DescribeThing {"thingName": "nothing"}
	ResourceNotFoundException 404
iot ListThings {"maxResults": 1}
	{"things": [{"thingName": "pump-1", "version": 2}], "nextToken": "$page2"}
iot ListThings {"maxResults": 1, "nextToken": "$page2"}
	{"things": [{"thingName": "pump-2"}], "nextToken": "-"}
iot ListThings {"attributeName": "floor", "attributeValue": "1"}
	{"things": [{"thingName": "pump-1"}]}
iot ListThings {"maxResults": 251}
	InvalidRequestException 400
iot DeleteThing {"thingName": "pump-1", "expectedVersion": 9}
	VersionConflictException 409

# Their groups.
iot CreateThingGroup {"thingGroupName": "plant", "tags": [{"Key": "team", "Value": "a"}]}
	{"thingGroupName": "plant", "thingGroupArn": "$group", "thingGroupId": "*"}
iot CreateThingGroup {"thingGroupName": "hall", "parentGroupName": "plant"}
	{"thingGroupName": "hall"}
iot CreateThingGroup {"thingGroupName": "roof", "parentGroupName": "nothing"}
	ResourceNotFoundException 404
iot UpdateThingGroup {"thingGroupName": "hall", "thingGroupProperties": {"thingGroupDescription": "the hall", "attributePayload": {"attributes": {"side": "north"}}}, "expectedVersion": 1}
	{"version": 2}
iot UpdateThingGroup {"thingGroupName": "hall", "thingGroupProperties": {}, "expectedVersion": 1}
	VersionConflictException 409
iot DescribeThingGroup {"thingGroupName": "hall"}
	{"thingGroupName": "hall", "version": 2, "thingGroupProperties": {"thingGroupDescription": "the hall", "attributePayload": {"attributes": {"side": "north"}}}, "thingGroupMetadata": {"parentGroupName": "plant", "rootToParentThingGroups": [{"groupName": "plant", "groupArn": "$group"}], "creationDate": "*"}}
iot DescribeThingGroup {"thingGroupName": "nothing"}
	ResourceNotFoundException 404
iot ListThingGroups {"parentGroup": "plant", "recursive": true}
	{"thingGroups": [{"groupName": "hall"}]}
iot ListThingGroups {"parentGroup": "nothing"}
	ResourceNotFoundException 404
iot AddThingToThingGroup {"thingGroupName": "hall", "thingName": "pump-1"}
	{}
iot AddThingToThingGroup {"thingGroupName": "hall", "thingName": "nothing"}
	ResourceNotFoundException 404
iot ListThingsInThingGroup {"thingGroupName": "plant", "recursive": true}
	{"things": ["pump-1"]}
iot ListThingsInThingGroup {"thingGroupName": "nothing"}
	ResourceNotFoundException 404
iot ListThingGroupsForThing {"thingName": "pump-1"}
	{"thingGroups": [{"groupName": "hall"}]}
iot ListThingGroupsForThing {"thingName": "nothing"}
	ResourceNotFoundException 404
iot UpdateThingGroupsForThing {"thingName": "pump-1", "thingGroupsToAdd": ["plant"], "thingGroupsToRemove": ["hall"]}
	{}
iot UpdateThingGroupsForThing {"thingName": "nothing", "thingGroupsToAdd": ["plant"]}
	ResourceNotFoundException 404
iot RemoveThingFromThingGroup {"thingGroupName": "nothing", "thingName": "pump-1"}
	ResourceNotFoundException 404
iot RemoveThingFromThingGroup {"thingGroupName": "plant", "thingName": "pump-1"}
	{}
iot DeleteThingGroup {"thingGroupName": "plant"}
	InvalidRequestException 400
iot DeleteThingGroup {"thingGroupName": "hall", "expectedVersion": 1}
	VersionConflictException 409
iot DeleteThingGroup {"thingGroupName": "hall", "expectedVersion": 2}
	{}

# Who pays for them.
iot CreateBillingGroup {"billingGroupName": "north", "billingGroupProperties": {"billingGroupDescription": "the north"}, "tags": [{"Key": "team", "Value": "a"}]}
	{"billingGroupName": "north", "billingGroupArn": "$billing", "billingGroupId": "*"}
iot ListTagsForResource {"resourceArn": "$billing"}
	{"tags": [{"Key": "team", "Value": "a"}]}
iot CreateBillingGroup {"billingGroupName": "no good name"}
	InvalidRequestException 400
iot UpdateBillingGroup {"billingGroupName": "north", "billingGroupProperties": {"billingGroupDescription": "all of the north"}}
	{"version": 2}
iot UpdateBillingGroup {"billingGroupName": "nothing", "billingGroupProperties": {}}
	ResourceNotFoundException 404
iot DescribeBillingGroup {"billingGroupName": "north"}
	{"billingGroupName": "north", "billingGroupArn": "$billing", "version": 2, "billingGroupProperties": {"billingGroupDescription": "all of the north"}, "billingGroupMetadata": {"creationDate": "*"}}
iot DescribeBillingGroup {"billingGroupName": "nothing"}
	ResourceNotFoundException 404
iot ListBillingGroups {"namePrefixFilter": "no"}
	{"billingGroups": [{"groupName": "north", "groupArn": "$billing"}]}
iot ListBillingGroups {"nextToken": "not-a-token"}
	InvalidRequestException 400
iot AddThingToBillingGroup {"billingGroupName": "north", "thingName": "pump-1"}
	{}
iot AddThingToBillingGroup {"billingGroupName": "nothing", "thingName": "pump-1"}
	ResourceNotFoundException 404
iot ListThingsInBillingGroup {"billingGroupName": "north"}
	{"things": ["pump-1"]}
iot ListThingsInBillingGroup {"billingGroupName": "nothing"}
	ResourceNotFoundException 404
iot RemoveThingFromBillingGroup {"billingGroupName": "nothing", "thingName": "pump-1"}
	ResourceNotFoundException 404
iot RemoveThingFromBillingGroup {"billingGroupName": "north", "thingName": "pump-1"}
	{}
iot DeleteBillingGroup {"billingGroupName": "north", "expectedVersion": 1}
	VersionConflictException 409
iot DeleteBillingGroup {"billingGroupName": "north"}
	{}

# Which certificates are theirs.
iot CreateCertificateFromCsr {"certificateSigningRequest": "$request", "setAsActive": true}
	{"certificateArn": "$cert", "certificateId": "$certId"}
iot AttachThingPrincipal {"thingName": "pump-1", "principal": "$cert", "thingPrincipalType": "EXCLUSIVE_THING"}
	{}
iot AttachThingPrincipal {"thingName": "pump-2", "principal": "$cert"}
	InvalidRequestException 400
iot ListThingPrincipals {"thingName": "pump-1"}
	{"principals": ["$cert"]}
iot ListThingPrincipals {"thingName": "nothing"}
	ResourceNotFoundException 404
iot ListThingPrincipalsV2 {"thingName": "pump-1", "thingPrincipalType": "EXCLUSIVE_THING"}
	{"thingPrincipalObjects": [{"principal": "$cert", "thingPrincipalType": "EXCLUSIVE_THING"}]}
iot ListThingPrincipalsV2 {"thingName": "nothing"}
	ResourceNotFoundException 404
iot ListPrincipalThings {"principal": "$cert"}
	{"things": ["pump-1"]}
iot ListPrincipalThings {"principal": "arn:aws:iot:us-east-1:111122223333:thing/pump-1"}
	InvalidRequestException 400
iot ListPrincipalThingsV2 {"principal": "$cert"}
	{"principalThingObjects": [{"thingName": "pump-1", "thingPrincipalType": "EXCLUSIVE_THING"}]}
iot ListPrincipalThingsV2 {"principal": "arn:aws:iot:us-east-1:111122223333:thing/pump-1"}
	InvalidRequestException 400
iot DeleteThing {"thingName": "pump-1"}
	InvalidRequestException 400
iot DetachThingPrincipal {"thingName": "nothing", "principal": "$cert"}
	ResourceNotFoundException 404
iot DetachThingPrincipal {"thingName": "pump-1", "principal": "$cert"}
	{}
iot DeleteThing {"thingName": "pump-1"}
	{}

# Tags.
iot TagResource {"resourceArn": "$type", "tags": [{"Key": "floor", "Value": "2"}]}
	{}
iot TagResource {"resourceArn": "$thing", "tags": [{"Key": "floor", "Value": "2"}]}
	InvalidRequestException 400
iot ListTagsForResource {"resourceArn": "$type"}
	{"tags": [{"Key": "floor", "Value": "2"}, {"Key": "team", "Value": "a"}]}
iot ListTagsForResource {"resourceArn": "arn:aws:iot:us-east-1:111122223333:thingtype/nothing"}
	ResourceNotFoundException 404
iot UntagResource {"resourceArn": "$group", "tagKeys": ["team"]}
	{}
iot UntagResource {"resourceArn": "arn:aws:iot:us-east-1:111122223333:thinggroup/nothing", "tagKeys": ["team"]}
	ResourceNotFoundException 404
iot ListTagsForResource {"resourceArn": "$group"}
	{"tags": []}

# Every IoT resource of the AWS provider that this server has operations for.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

# Where the server is, and with which key, stands in AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
provider "aws" {
  region                  = "us-east-1"
  skip_metadata_api_check = true

  default_tags {
    tags = { made-by = "terraform" }
  }
}

data "aws_iot_endpoint" "data" { endpoint_type = "iot:Data-ATS" }
data "aws_iot_registration_code" "code" {}

resource "aws_iot_thing_type" "pump" {
  name = "pump"
  properties {
    description           = "a pump"
    searchable_attributes = ["floor", "room"]
  }
}

resource "aws_iot_thing" "pump" {
  name            = "pump-1"
  thing_type_name = aws_iot_thing_type.pump.name
  attributes      = { floor = "1", room = "2" }
}

resource "aws_iot_thing_group" "plant" { name = "plant" }

resource "aws_iot_thing_group" "hall" {
  name              = "hall"
  parent_group_name = aws_iot_thing_group.plant.name
  properties {
    description = "the hall"
    attribute_payload { attributes = { side = "north" } }
  }
  tags = { team = "a" }
}

resource "aws_iot_thing_group_membership" "pump" {
  thing_name             = aws_iot_thing.pump.name
  thing_group_name       = aws_iot_thing_group.hall.name
  override_dynamic_group = true
}

resource "aws_iot_billing_group" "north" {
  name = "north"
  properties { description = "who pays" }
}

resource "aws_iot_policy" "device" {
  name = "device"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["iot:Connect"], Resource = ["*"] }]
  })
}

resource "aws_iot_certificate" "made" { active = true }

resource "aws_iot_certificate" "requested" {
  csr    = file("request.pem")
  active = true
}

resource "aws_iot_ca_certificate" "own" {
  active                       = true
  allow_auto_registration      = true
  ca_certificate_pem           = file("ca.pem")
  verification_certificate_pem = file("verification.pem")
  certificate_mode             = "DEFAULT"
}

resource "aws_iot_certificate" "own" {
  certificate_pem = file("device.pem")
  ca_pem          = file("ca.pem")
  depends_on      = [aws_iot_ca_certificate.own]
  active          = true
}

resource "aws_iot_policy_attachment" "requested" {
  policy = aws_iot_policy.device.name
  target = aws_iot_certificate.requested.arn
}

resource "aws_iot_policy_attachment" "plant" {
  policy = aws_iot_policy.device.name
  target = aws_iot_thing_group.plant.arn
}

resource "aws_iot_thing_principal_attachment" "pump" {
  principal = aws_iot_certificate.requested.arn
  thing     = aws_iot_thing.pump.name
}

resource "aws_iot_topic_rule" "loud" {
  name        = "loud"
  description = "what is loud"
  enabled     = true
  sql         = "SELECT * FROM 'pumps/+/noise' WHERE level > 3"
  sql_version = "2016-03-23"
  republish {
    role_arn = "arn:aws:iam::111122223333:role/rules"
    topic    = "loud"
    qos      = 1
  }
  error_action {
    republish {
      role_arn = "arn:aws:iam::111122223333:role/rules"
      topic    = "failed"
    }
  }
}

resource "aws_iot_role_alias" "camera" {
  alias    = "camera"
  role_arn = "arn:aws:iam::111122223333:role/camera"
}

resource "aws_iot_domain_configuration" "own" {
  name                    = "own"
  domain_name             = "iot.example.com"
  service_type            = "DATA"
  server_certificate_arns = ["arn:aws:acm:us-east-1:111122223333:certificate/6e8d5d1e-0000-4000-8000-000000000000"]
  tls_config { security_policy = "IoTSecurityPolicy_TLS13_1_2_2022_10" }
}

resource "aws_iot_event_configurations" "all" {
  event_configurations = {
    "THING" = true, "THING_GROUP" = false, "THING_TYPE" = false, "THING_GROUP_MEMBERSHIP" = false,
    "THING_GROUP_HIERARCHY" = false, "THING_TYPE_ASSOCIATION" = false, "JOB" = false, "JOB_EXECUTION" = false,
    "POLICY" = false, "CERTIFICATE" = true, "CA_CERTIFICATE" = true,
  }
}

resource "aws_iot_logging_options" "all" {
  default_log_level = "WARN"
  role_arn          = "arn:aws:iam::111122223333:role/logs"
}

output "endpoint" { value = data.aws_iot_endpoint.data.endpoint_address }

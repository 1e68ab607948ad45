package api

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/registry"
	"github.com/thingward/thingward/internal/store"
)

func (d *door) tags() []operation {
	return []operation{
		on(&awsmodel.IoT, "TagResource", d.tagResource),
		on(&awsmodel.IoT, "UntagResource", d.untagResource),
		on(&awsmodel.IoT, "ListTagsForResource", d.listTagsForResource),
	}
}

func (d *door) tagResource(ctx context.Context, c *Caller, in *iot.TagResourceRequest) (*iot.TagResourceResponse, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	return nil, d.Registry.TagResource(ctx, c.Scope, in.ResourceArn, tags)
}

func (d *door) untagResource(ctx context.Context, c *Caller, in *iot.UntagResourceRequest) (*iot.UntagResourceResponse, error) {
	return nil, d.Registry.UntagResource(ctx, c.Scope, in.ResourceArn, in.TagKeys)
}

// listTagsForResource answers in one page: there are 50 tags at most.
func (d *door) listTagsForResource(ctx context.Context, c *Caller, in *iot.ListTagsForResourceRequest) (*iot.ListTagsForResourceResponse, error) {
	list, err := d.Registry.ListTagsForResource(ctx, c.Scope, in.ResourceArn)
	return &iot.ListTagsForResourceResponse{Tags: mapped(list, func(t store.Tag) iot.Tag { return iot.Tag(t) })}, err
}

// tagsOf reads the tags of a request, which has every key once and none of those that AWS keeps for itself.
func tagsOf(list []iot.Tag) ([]store.Tag, error) {
	bad := func(format string, args ...any) ([]store.Tag, error) {
		return nil, thingward.Errorf(thingward.InvalidRequest, "tags: "+format, args...)
	}
	if len(list) > registry.MaxTags {
		return bad("a resource has at most %d tags, got %d.", registry.MaxTags, len(list))
	}
	seen := make(map[string]bool)
	for _, t := range list {
		if seen[t.Key] {
			return bad("the key %q is given twice.", t.Key)
		}
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return bad("the key %q begins with aws:, which is reserved.", t.Key)
		}
		seen[t.Key] = true
	}
	return mapped(list, func(t iot.Tag) store.Tag { return store.Tag(t) }), nil
}

// tagKey is the model's TagKey, which is not asked of a header.
var tagKey = regexp.MustCompile(`\A[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}\z`)

// headerTags reads tags from the header x-amz-tagging: k1=v1&k2=v2, URL-encoded.
func headerTags(text string) ([]store.Tag, error) {
	var list []iot.Tag
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, err1 := url.QueryUnescape(key)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil || !tagKey.MatchString(key) || !utf8.ValidString(value) || utf8.RuneCountInString(value) > 256 {
			return nil, thingward.Errorf(thingward.InvalidRequest, "tags: %.300q in x-amz-tagging is not key=value, URL-encoded, with a key of 1 to 128 letters, digits, spaces and _.:/=+-@, and a value of up to 256 characters.", pair)
		}
		list = append(list, iot.Tag{Key: key, Value: value})
	}
	return tagsOf(list)
}

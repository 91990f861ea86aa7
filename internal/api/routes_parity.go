package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"understudy"
)

type parityRequest struct {
	A string `query:"a"`
	B string `query:"b"`
}

type watchParityRequest struct {
	A     string `query:"a"`
	B     string `query:"b"`
	Every string `query:"every" doc:"a length of time such as 30s or 15m"`
}

type parityHistoryRequest struct {
	A     string    `query:"a"`
	B     string    `query:"b"`
	Since time.Time `query:"since"`
}

func parityRoutes(a huma.API, role Parities) {
	get(a, "parity", "/v1/parity", "measure how alike two environments are", func(ctx context.Context, in *parityRequest) (understudy.Parity, error) {
		return role.Parity(ctx, in.A, in.B)
	})
	follow(a, "watch-parity", "/v1/parity/watch", "measure again and again", func(ctx context.Context, in *watchParityRequest, each func(Likeness) error) error {
		request := WatchParity{A: in.A, B: in.B}
		if in.Every != "" {
			var err error
			if request.Every, err = time.ParseDuration(in.Every); err != nil {
				return understudy.Errorf(understudy.KindInvalid, "measuring again and again: expected a length of time such as 30s or 15m, found %q", in.Every)
			}
		}
		return role.WatchParity(ctx, request, each)
	})
	get(a, "parity-history", "/v1/parity/history", "what was measured of two environments", func(ctx context.Context, in *parityHistoryRequest) (understudy.ParityHistory, error) {
		return role.ParityHistory(ctx, ParityHistory{A: in.A, B: in.B, Since: in.Since})
	})
}

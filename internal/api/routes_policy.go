package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"understudy"
)

type approvalsRequest struct {
	Release string `query:"release" required:"true"`
	To      string `query:"to"`
}

func policyRoutes(a huma.API, role Policies, approvals Approvals) {
	get(a, "policy", "/v1/policy", "the policy in force, with its next windows", func(ctx context.Context, _ *none) (understudy.PolicyInForce, error) {
		return role.Policy(ctx)
	})
	post(a, "explain-policy", "/v1/policy/explain", "how a release stands before the gate", role.ExplainPolicy)
	post(a, "approve", "/v1/approvals", "agree to a release", approvals.Approve)
	post(a, "withdraw-approval", "/v1/approvals/withdraw", "take one's own approval back", approvals.WithdrawApproval)
	get(a, "list-approvals", "/v1/approvals", "the approvals of a release whose signatures hold, oldest first", func(ctx context.Context, in *approvalsRequest) ([]understudy.SignedApproval, error) {
		return approvals.Approvals(ctx, in.Release, in.To)
	})
}

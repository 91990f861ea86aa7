package understudy

import "time"

// DeploymentState is where a deployment is in its life:
//
//	starting → ready → serving ⇄ standby → draining → gone
//
// From every state the way to gone is open: what does not start, or dies, is gone.
type DeploymentState string

// The states of a deployment.
const (
	DeploymentStarting DeploymentState = "starting"
	DeploymentReady    DeploymentState = "ready"
	DeploymentServing  DeploymentState = "serving"
	DeploymentStandby  DeploymentState = "standby"
	DeploymentDraining DeploymentState = "draining"
	DeploymentGone     DeploymentState = "gone"
)

// CanBecome tells whether a move is allowed.
func (s DeploymentState) CanBecome(next DeploymentState) bool {
	return allowed(map[DeploymentState][]DeploymentState{
		DeploymentStarting: {DeploymentReady, DeploymentGone},
		DeploymentReady:    {DeploymentServing, DeploymentDraining, DeploymentGone},
		DeploymentServing:  {DeploymentStandby, DeploymentDraining, DeploymentGone},
		DeploymentStandby:  {DeploymentServing, DeploymentDraining, DeploymentGone},
		DeploymentDraining: {DeploymentGone},
	}, s, next)
}

// Deployment is one release started in one environment.
type Deployment struct {
	ID          string          `json:"id"`
	Environment string          `json:"environment"`
	Release     Digest          `json:"release"`
	Label       string          `json:"label"`
	State       DeploymentState `json:"state"`
	Reason      string          `json:"reason,omitempty"` // why it is gone, where that was not asked for
	// Database is the physical database behind each database of the application.
	Databases map[string]string `json:"databases,omitempty"`
	// Config is the keyed digest of the configuration that it was started with.
	Config    string    `json:"config,omitempty"`
	StartedAt time.Time `json:"startedAt"`
	ChangedAt time.Time `json:"changedAt"`
}

// allowed looks a move up in a table of moves.
func allowed[S comparable](moves map[S][]S, from, to S) bool {
	for _, next := range moves[from] {
		if next == to {
			return true
		}
	}
	return false
}

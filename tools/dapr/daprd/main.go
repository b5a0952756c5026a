// Command daprd is the Dapr runtime with the components Tickler uses and no others.
//
// The stock main registers every component there is; some of their modules cannot be had from the module proxy, and none of
// them is wanted here. The runtime itself is the same: same options, same packages, a smaller binary.
package main

import (
	"context"
	"fmt"
	"os"

	"go.opencensus.io/stats/view"
	"go.uber.org/automaxprocs/maxprocs"

	"github.com/dapr/components-contrib/bindings/cron"
	kubernetesnames "github.com/dapr/components-contrib/nameresolution/kubernetes"
	sqlitenames "github.com/dapr/components-contrib/nameresolution/sqlite"
	memorypubsub "github.com/dapr/components-contrib/pubsub/in-memory"
	"github.com/dapr/components-contrib/pubsub/kafka"
	kubernetessecrets "github.com/dapr/components-contrib/secretstores/kubernetes"
	"github.com/dapr/components-contrib/secretstores/local/env"
	"github.com/dapr/components-contrib/secretstores/local/file"
	memorystate "github.com/dapr/components-contrib/state/in-memory"
	postgresql "github.com/dapr/components-contrib/state/postgresql/v2"
	"github.com/dapr/dapr/cmd/daprd/options"
	"github.com/dapr/dapr/pkg/buildinfo"
	"github.com/dapr/dapr/pkg/components"
	"github.com/dapr/dapr/pkg/components/bindings"
	"github.com/dapr/dapr/pkg/components/configuration"
	"github.com/dapr/dapr/pkg/components/conversation"
	"github.com/dapr/dapr/pkg/components/crypto"
	"github.com/dapr/dapr/pkg/components/lock"
	middleware "github.com/dapr/dapr/pkg/components/middleware/http"
	"github.com/dapr/dapr/pkg/components/nameresolution"
	"github.com/dapr/dapr/pkg/components/pubsub"
	"github.com/dapr/dapr/pkg/components/secretstores"
	"github.com/dapr/dapr/pkg/components/state"
	"github.com/dapr/dapr/pkg/healthz"
	"github.com/dapr/dapr/pkg/metrics"
	"github.com/dapr/dapr/pkg/modes"
	"github.com/dapr/dapr/pkg/runtime"
	"github.com/dapr/dapr/pkg/runtime/registry"
	"github.com/dapr/dapr/pkg/security"
	"github.com/dapr/kit/concurrency"
	"github.com/dapr/kit/logger"
	"github.com/dapr/kit/signals"
)

var log = logger.NewLogger("dapr.runtime")

func main() {
	// A container's CPU limit, not the node's cores. It fails only outside Linux, where the default is right.
	_, _ = maxprocs.Set()

	opts, err := options.New(os.Args[1:])
	if err != nil {
		log.Fatalf("options: %s", err)
	}
	if opts.RuntimeVersion || opts.BuildInfo {
		fmt.Println(buildinfo.Version())
		return
	}
	opts.Logger.SetAppID(opts.AppID)
	if err := logger.ApplyOptionsToLoggers(&opts.Logger); err != nil {
		log.Fatalf("logging: %s", err)
	}

	// One turn of the loop per SIGHUP: the stock runtime reloads so, and the operator may send it.
	reloads := signals.OnHUP(signals.Context())
	for ctx := range reloads {
		if err := serve(ctx, opts, known()); err != nil {
			log.Fatalf("runtime: %s", err)
		}
		if ctx.Err() == nil {
			return // It ended by itself, through the shutdown API: it is not to wait for a signal.
		}
	}
}

// known registers what Tickler's components/*.yaml may name. The loaders that stay empty must be there all the same: the
// runtime asks each of them.
func known() *registry.Options {
	contrib := logger.NewLogger("dapr.contrib")

	states := state.NewRegistry()
	states.Logger = contrib
	states.RegisterComponent(memorystate.NewInMemoryStateStore, "in-memory")
	states.RegisterComponentWithVersions("postgresql", components.Versioning{
		Preferred: components.VersionConstructor{Version: "v2", Constructor: postgresql.NewPostgreSQLStateStore},
		Default:   "v2",
	})
	states.RegisterComponent(newUnfenced, "unfenced")

	pubsubs := pubsub.NewRegistry()
	pubsubs.Logger = contrib
	pubsubs.RegisterComponent(kafka.NewKafka, "kafka")
	pubsubs.RegisterComponent(memorypubsub.New, "in-memory")

	inputs := bindings.NewRegistry()
	inputs.Logger = contrib
	inputs.RegisterInputBinding(cron.NewCron, "cron")

	secrets := secretstores.NewRegistry()
	secrets.Logger = contrib
	secrets.RegisterComponent(kubernetessecrets.NewKubernetesSecretStore, secretstores.BuiltinKubernetesSecretStore)
	secrets.RegisterComponent(env.NewEnvSecretStore, "local.env")
	secrets.RegisterComponent(file.NewLocalSecretStore, "local.file")

	names := nameresolution.NewRegistry()
	names.Logger = contrib
	names.RegisterComponent(kubernetesnames.NewResolver, "kubernetes")
	names.RegisterComponent(sqlitenames.NewResolver, "sqlite")

	return registry.NewOptions().
		WithStateStores(states).WithPubSubs(pubsubs).WithBindings(inputs).WithSecretStores(secrets).WithNameResolutions(names).
		WithConfigurations(configuration.NewRegistry()).WithLocks(lock.NewRegistry()).WithCryptoProviders(crypto.NewRegistry()).
		WithHTTPMiddlewares(middleware.NewRegistry()).WithConversations(conversation.NewRegistry())
}

// serve runs the security provider (mTLS by Sentry in Kubernetes, none on a laptop) and the runtime until ctx ends.
func serve(ctx context.Context, opts *options.Options, reg *registry.Options) error {
	health := healthz.New()
	provider, err := security.New(ctx, security.Options{
		SentryAddress:           opts.SentryAddress,
		ControlPlaneTrustDomain: opts.ControlPlaneTrustDomain,
		ControlPlaneNamespace:   opts.ControlPlaneNamespace,
		TrustAnchors:            opts.TrustAnchors,
		AppID:                   opts.AppID,
		MTLSEnabled:             opts.EnableMTLS,
		Mode:                    modes.DaprMode(opts.Mode),
		Healthz:                 health,
		JwtAudiences:            opts.SentryRequestJwtAudiences,
	})
	if err != nil {
		return err
	}
	return concurrency.NewRunnerManager(provider.Run, func(ctx context.Context) error {
		handler, err := provider.Handler(ctx)
		if err != nil {
			return err
		}
		config := config(opts)
		config.Registry, config.Security, config.Healthz = reg, handler, health
		config.Metrics = metrics.Options{
			Enabled:       opts.Metrics.Enabled(),
			Log:           log,
			Port:          opts.Metrics.Port(),
			Namespace:     metrics.DefaultMetricNamespace,
			Healthz:       health,
			ListenAddress: opts.Metrics.ListenAddress(),
			Meter:         view.NewMeter(),
		}
		rt, err := runtime.FromConfig(ctx, config)
		if err != nil {
			return err
		}
		return rt.Run(ctx)
	}).Run(ctx)
}

// config hands every option on. Dapr offers no conversion: the two structs differ in a few names.
func config(o *options.Options) *runtime.Config {
	return &runtime.Config{
		AppID: o.AppID, Mode: o.Mode, Config: o.Config, ResourcesPath: o.ResourcesPath, ComponentsPath: o.ComponentsPath,

		ActorsService: o.ActorsService, ActorsDisseminationTimeout: o.ActorsDisseminationTimeout,
		RemindersService: o.RemindersService, SchedulerAddress: o.SchedulerAddress, SchedulerStreams: o.SchedulerJobStreams,
		ControlPlaneAddress: o.ControlPlaneAddress, SentryAddress: o.SentryAddress, EnableMTLS: o.EnableMTLS,
		HotReloadReconcileInterval: o.HotReloadReconcileInterval,

		DaprHTTPPort: o.DaprHTTPPort, DaprAPIGRPCPort: o.DaprAPIGRPCPort, DaprAPIListenAddresses: o.DaprAPIListenAddresses,
		DaprInternalGRPCPort: o.DaprInternalGRPCPort, DaprInternalGRPCListenAddress: o.DaprInternalGRPCListenAddress,
		DaprPublicPort: o.DaprPublicPort, DaprPublicListenAddress: o.DaprPublicListenAddress,
		UnixDomainSocket: o.UnixDomainSocket, AllowedOrigins: o.AllowedOrigins,
		MaxRequestSize: o.MaxRequestSize, ReadBufferSize: o.ReadBufferSize,
		ProfilePort: o.ProfilePort, EnableProfiling: o.EnableProfiling, EnableAPILogging: o.EnableAPILogging,

		AppProtocol: o.AppProtocol, ApplicationPort: o.AppPort, AppChannelAddress: o.AppChannelAddress, AppSSL: o.AppSSL,
		AppMaxConcurrency: o.AppMaxConcurrency, AppBindingOptionsTimeout: o.AppBindingOptionsTimeout,
		EnableAppHealthCheck: o.EnableAppHealthCheck, AppHealthCheckPath: o.AppHealthCheckPath,
		AppHealthProbeInterval: o.AppHealthProbeInterval, AppHealthProbeTimeout: o.AppHealthProbeTimeout,
		AppHealthThreshold: o.AppHealthThreshold,

		DaprGracefulShutdownSeconds: o.DaprGracefulShutdownSeconds, DaprBlockShutdownDuration: o.DaprBlockShutdownDuration,
		DisableBuiltinK8sSecretStore: o.DisableBuiltinK8sSecretStore, DisableInitEndpoints: o.DisableInitEndpoints,
	}
}

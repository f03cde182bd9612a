//! The front: from a connection's requests to answers, with nothing of the API in it.
//!
//! In: a listening socket and the shared state. Out: a running server. Every request passes the gate before its
//! body is looked at; one that expects `100-continue` passes it before it is told to go on. A panic in one request
//! is that client's 500 and nobody else's anything.
//!
//! actix-web gives no hook for `100-continue`, so the service is put together here from its parts.

use std::{io, net::TcpListener, panic::AssertUnwindSafe, sync::Arc};

use actix_http::{HttpService, Request, TlsAcceptorConfig};
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::{
    App, HttpMessage as _, HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    dev::{AppConfig, RequestHead, Response, Server},
    web,
};
use futures_util::FutureExt as _;

use crate::{
    answer,
    config::Config,
    gate::{self, Admitted},
    problem::{Cause, Problem, Sentence},
    routes::{self, health},
    state::State,
};

/// Time that a refused client has to stop sending before its connection is cut, in milliseconds.
const LINGER_MS: u64 = 2_000;

/// Starts serving on a socket. To be called within a runtime; serving ends through the server's handle.
///
/// # Errors
///
/// When the socket cannot be used.
pub(crate) fn start(
    config: &Config,
    listener: TcpListener,
    tls: Option<rustls::ServerConfig>,
    state: &Arc<State>,
) -> io::Result<Server> {
    let builder = Server::build()
        .workers(config.http_workers)
        .max_concurrent_connections(config.connections_per_worker_max)
        .shutdown_timeout(config.stop_timeout.as_secs())
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let times = Times::of(config);
    let state = Arc::clone(state);
    // The two branches differ in the type of the stream, so the service is spelled once, as a macro.
    macro_rules! service {
        () => {{
            let stopping = stopping.clone();
            let for_expect = Arc::clone(&state);
            let app = App::new()
                .app_data(web::Data::from(Arc::clone(&state)))
                .default_service(web::to(answer_request))
                .into_factory()
                .map_err(|error: actix_web::Error| error.error_response());
            HttpService::build()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(times.keep_alive)
                .client_request_timeout(times.head)
                .client_disconnect_timeout(std::time::Duration::from_millis(LINGER_MS))
                .expect(fn_service(move |request: Request| expect(Arc::clone(&for_expect), request)))
                .finish(map_config(app, |()| AppConfig::default()))
        }};
    }
    let builder = match tls {
        None => builder.listen("http", listener, move || service!().tcp())?,
        Some(tls) => builder.listen("https", listener, move || {
            let acceptor = TlsAcceptorConfig::default().handshake_timeout(times.handshake);
            service!().rustls_0_23_with_config(tls.clone(), acceptor)
        })?,
    };
    Ok(builder.run())
}

#[derive(Clone, Copy)]
struct Times {
    keep_alive: std::time::Duration,
    head: std::time::Duration,
    handshake: std::time::Duration,
}

impl Times {
    fn of(config: &Config) -> Self {
        Self {
            keep_alive: config.keep_alive,
            head: config.head_timeout,
            handshake: config.tls_handshake_timeout,
        }
    }
}

/// What the gate found for a request that expected `100-continue`; carried from there to the request.
struct Passed(Admitted);

/// Judges a request that expects `100-continue`: lets it go on, or refuses it without a `100`.
async fn expect(state: Arc<State>, mut request: Request) -> Result<Request, Response<BoxBody>> {
    if health::answer(&state, &request.head().method, request.head().uri.path()).is_some() {
        return Ok(request);
    }
    match catching(gate::admit(&state, request.head())).await {
        Ok(admitted) => {
            request.extensions_mut().insert(Passed(admitted));
            Ok(request)
        }
        Err(problem) => {
            let payload = request.take_payload();
            Err(answer::holding(answer::problem(&problem), payload).into())
        }
    }
}

async fn answer_request(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> impl Responder {
    let mut payload = payload.into_inner();
    let response = respond(&state, &request, &mut payload).await;
    answer::holding(response, payload)
}

async fn respond(
    state: &State,
    request: &HttpRequest,
    payload: &mut actix_web::dev::Payload,
) -> HttpResponse {
    let head: &RequestHead = request.head();
    if let Some(response) = health::answer(state, &head.method, head.uri.path()) {
        return response;
    }
    let passed = request.extensions_mut().remove::<Passed>();
    let admitted = match passed {
        Some(Passed(admitted)) => Ok(admitted),
        None => catching(gate::admit(state, head)).await,
    };
    let outcome = match admitted {
        Ok(admitted) => {
            let sentence = admitted.found.route.sentence;
            let work = routes::carry_out(state, head, payload, admitted);
            catching(async { work.await.map_err(|cause| Problem::new(sentence, cause)) }).await
        }
        Err(problem) => Err(problem),
    };
    outcome.unwrap_or_else(|problem| answer::problem(&problem))
}

/// Turns a panic into a 500.
async fn catching<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    // Nothing that the work could have left half done outlives it: the state's locks are never held over a call.
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_panic| {
        tracing::error!("a request panicked; its client gets an internal error");
        Err(Problem::new(Sentence::Generic, Cause::Internal))
    })
}

//! The front: from the requests of a connection to their answers, whatever they ask.
//!
//! In: a listening socket and the shared state. Out: a running server. Every request passes the gate before its body is looked at; one that
//! expects `100-continue` passes it before it is told to go on. A panic in one request is a 500 for its client and concerns no other.
//!
//! actix-web has no hook for `100-continue`, so the service is put together here from its parts.

use std::{
    future::ready,
    io,
    net::{SocketAddr, TcpListener},
    panic::AssertUnwindSafe,
    rc::Rc,
    sync::Arc,
};

use actix_http::Request;
use actix_service::{
    IntoServiceFactory as _, Service as _, ServiceFactory, ServiceFactoryExt as _, apply_fn_factory,
    fn_service, map_config,
};
use actix_tls::accept::rustls_0_23::{Acceptor, TlsStream};
use actix_web::{
    App, HttpMessage as _, HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    dev::{AppConfig, Payload, RequestHead, Response, Server},
    web,
};
use futures_util::FutureExt as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::{
    counted, cybertrace,
    door::Door,
    ending::finish,
    es,
    gate::{self, Admitted},
    health, pages,
    request::Request as ApiRequest,
    scrape, v1,
};
use crate::{
    config::{Config, HttpSettings},
    http::answer,
    http::connection::{RequestStream, progress::RequestProgress},
    http::peer::PeerCertificates,
    http::problem::{Cause, GENERIC_SENTENCE, Problem},
    http::record::RequestRecord,
    http::service,
    http::stopping::Stopping,
    life::{connection_limit::connections_per_worker_max, state::State},
};

/// Connections of those who want metrics.
const SCRAPERS_MAX: usize = 64;

/// Starts serving on sockets; on one of them, clients of Elasticsearch alone. To be called within a runtime; serving ends through the server's handle.
///
/// # Errors
///
/// When a socket cannot be used.
pub(crate) fn start(
    config: &Config,
    listeners: Vec<TcpListener>,
    elasticsearch: Option<TcpListener>,
    mut tls: Option<rustls::ServerConfig>,
    state: &Arc<State>,
) -> io::Result<Server> {
    let settings = config.http;
    let connections_max = connections_per_worker_max(
        settings.workers.count(),
        settings.connections_per_worker_max.count(),
        config.memory.get(),
    );
    let mut builder = Server::build()
        .workers(settings.workers.count())
        .max_concurrent_connections(connections_max)
        .shutdown_timeout(settings.stop_timeout.get())
        .disable_signals();
    if let Some(tls) = &mut tls {
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    }
    let listeners = listeners.into_iter().map(|listener| (Door::Api, listener));
    let elasticsearch = elasticsearch.map(|listener| (Door::Elasticsearch, listener));
    for (number, (door, listener)) in listeners.chain(elasticsearch).enumerate() {
        let state = Arc::clone(state);
        // Each worker makes each of these services, on its own thread; one beat is enough.
        let beat = move |state: &State| {
            if number == 0 {
                // It ends with the thread.
                drop(actix_web::rt::spawn(state.beats.of_thread()));
            }
        };
        builder = match tls.clone() {
            None => builder.listen("http", listener, move || {
                beat(&state);
                plain(settings, door, &state)
            })?,
            Some(tls) => builder.listen("https", listener, move || {
                beat(&state);
                secure(settings, door, &state, tls.clone())
            })?,
        };
    }
    Ok(builder.run())
}

/// The service of connections that speak plain HTTP.
fn plain(
    settings: HttpSettings,
    door: Door,
    state: &Arc<State>,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = (), InitError = ()> + use<> {
    let stopping = Arc::clone(&state.stopping);
    let streams = fn_service(move |io: TcpStream| {
        let peer = io.peer_addr().ok();
        ready(Ok((requests(io, settings, &stopping), peer)))
    });
    counted(
        streams.and_then(http(settings, door, Arc::clone(&state.stopping), Arc::clone(state))),
        &state.stopping,
    )
}

/// The service of connections that speak TLS.
fn secure(
    settings: HttpSettings,
    door: Door,
    state: &Arc<State>,
    tls: rustls::ServerConfig,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = (), InitError = ()> + use<> {
    let mut acceptor = Acceptor::new(tls);
    acceptor.set_handshake_timeout(settings.tls_handshake_timeout.seconds());
    let stopping = Arc::clone(&state.stopping);
    let streams = acceptor.map_err(drop).map(move |io: TlsStream<TcpStream>| {
        let (stream, connection) = io.get_ref();
        let (address, peer) = (stream.peer_addr().ok(), PeerCertificates::of(connection));
        (requests(io, settings, &stopping).with_peer(peer), address)
    });
    counted(
        streams.and_then(http(settings, door, Arc::clone(&state.stopping), Arc::clone(state))),
        &state.stopping,
    )
}

/// Starts serving metrics, and nothing else, on a socket of their own. To be called within a runtime.
///
/// # Errors
///
/// When the socket cannot be used.
pub(super) fn start_for_metrics(
    settings: HttpSettings,
    listener: TcpListener,
    state: &Arc<State>,
) -> io::Result<Server> {
    let builder = Server::build()
        .workers(1)
        .max_concurrent_connections(SCRAPERS_MAX)
        .shutdown_timeout(0)
        .disable_signals();
    let state = Arc::clone(state);
    // Never begun: scrapes go on until this server ends.
    let stopping: Arc<Stopping> = Arc::default();
    let builder = builder.listen("metrics", listener, move || {
        let of_streams = Arc::clone(&stopping);
        let streams = fn_service(move |io: TcpStream| {
            let peer = io.peer_addr().ok();
            ready(Ok((requests(io, settings, &of_streams), peer)))
        });
        streams.and_then(http(settings, Door::Metrics, Arc::clone(&stopping), Arc::clone(&state)))
    })?;
    Ok(builder.run())
}

fn requests<Io>(io: Io, settings: HttpSettings, stopping: &Arc<Stopping>) -> RequestStream<Io> {
    let (head_timeout, keep_alive) = (settings.head_timeout.seconds(), settings.keep_alive.seconds());
    RequestStream::new(io, head_timeout, keep_alive, Arc::clone(stopping))
}

/// Counts each connection from the moment a worker has it to its end, its TLS handshake included.
fn counted<F>(
    connections: F,
    stopping: &Arc<Stopping>,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = (), InitError = ()> + use<F>
where
    F: ServiceFactory<TcpStream, Config = (), Response = (), Error = (), InitError = ()>,
{
    let stopping = Arc::clone(stopping);
    apply_fn_factory(connections, move |io: TcpStream, service: &F::Service| {
        let open = stopping.connection();
        let serving = service.call(io);
        async move {
            let ended = serving.await;
            drop(open);
            ended
        }
    })
}

/// The service of one connection, whatever its stream.
fn http<Io>(
    settings: HttpSettings,
    door: Door,
    stopping: Arc<Stopping>,
    state: Arc<State>,
) -> impl ServiceFactory<
    (RequestStream<Io>, Option<SocketAddr>),
    Config = (),
    Response = (),
    Error = (),
    InitError = (),
>
where
    Io: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let for_expect = Arc::clone(&state);
    let app = App::new().app_data(web::Data::from(state));
    let app = match door {
        Door::Api | Door::Elasticsearch => app.default_service(web::to(answer_request)),
        Door::Metrics => app.default_service(web::to(answer_scrape)),
    };
    let app = app.into_factory().map_err(|error: actix_web::Error| error.error_response());
    let app =
        apply_fn_factory(map_config(app, |()| AppConfig::default()), move |mut request: Request, service| {
            door.enter(&mut request);
            service.call(request)
        });
    service::builder(settings.head_timeout.seconds(), settings.keep_alive.seconds(), stopping)
        .expect(fn_service(move |request: Request| expect(door, Arc::clone(&for_expect), request)))
        .h1(app)
        .map_err(drop)
}

/// Tells a connection that its next request has begun, and gives where that one tells how far it is.
fn begin_progress(progress: Option<&Rc<RequestProgress>>, head: &RequestHead) -> Option<Rc<RequestProgress>> {
    let progress = progress.cloned();
    if let Some(progress) = &progress {
        progress.begin(head);
    }
    progress
}

/// Begins the record of a request.
fn begin(head: &RequestHead, peer: Option<&Rc<PeerCertificates>>, state: &State) -> Rc<RequestRecord> {
    Rc::new(RequestRecord::begin(head, peer.cloned(), &state.rules().proxies))
}

/// Judges a request that expects `100-continue`: lets it go on, or refuses it without a `100`.
async fn expect(door: Door, state: Arc<State>, mut request: Request) -> Result<Request, Response<BoxBody>> {
    door.enter(&mut request);
    let progress = begin_progress(request.conn_data(), request.head());
    // What stands in no table is judged when it is answered, and never reads a body.
    let path = request.head().uri.path();
    if door == Door::Metrics
        || path == scrape::PATH
        || health::answer(&state, &request.head().method, path).is_some()
        || pages::answer(&request.head().method, path).is_some()
        || es::is_handshake(path)
    {
        return Ok(request);
    }
    let record = begin(request.head(), request.conn_data(), &state);
    match catching("gate", gate::admit(&state, request.head(), &record)).await {
        Ok(admitted) => {
            // Found again by `answer_request`, so that a request is judged once.
            request.extensions_mut().insert((admitted, record));
            Ok(request)
        }
        Err(problem) => {
            let payload = request.take_payload();
            let response = finish(&state, &record, Err(problem));
            Err(answer::with_payload(response, payload, progress).into())
        }
    }
}

async fn answer_request(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> impl Responder {
    let progress = begin_progress(request.conn_data(), request.head());
    let passed = request.extensions_mut().remove::<(Admitted, Rc<RequestRecord>)>();
    let (admitted, record) = match passed {
        Some((admitted, record)) => (Some(admitted), record),
        None => (None, begin(request.head(), request.conn_data(), &state)),
    };
    let mut payload = payload.into_inner();
    let outcome = respond(&state, &request, &mut payload, admitted, &record).await;
    let response = finish(&state, &record, outcome);
    answer::with_payload(response, payload, progress)
}

/// Answers on the listener that serves metrics alone.
async fn answer_scrape(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> impl Responder {
    let progress = begin_progress(request.conn_data(), request.head());
    let record = Rc::new(RequestRecord::begin(request.head(), None, &[]));
    note_route(&record, "Metrics");
    let answer = async { scrape::answer_anybody(&state, request.head()).map_err(generic) };
    let outcome = catching("metrics", answer).await;
    let response = finish(&state, &record, outcome);
    answer::with_payload(response, payload.into_inner(), progress)
}

/// Notes what is asked, where that stands in no table.
fn note_route(record: &RequestRecord, name: &'static str) {
    record.route.set(name);
    record.route_number.set(counted::number(record.method(), record.path()));
}

fn generic(cause: Cause) -> Problem {
    Problem::new(GENERIC_SENTENCE, cause)
}

async fn respond(
    state: &Arc<State>,
    request: &HttpRequest,
    payload: &mut Payload,
    admitted: Option<Admitted>,
    record: &Rc<RequestRecord>,
) -> Result<HttpResponse, Problem> {
    let head: &RequestHead = request.head();
    if let Some(response) = health::answer(state, &head.method, head.uri.path()) {
        note_route(record, "Health");
        return Ok(response);
    }
    if let Some((name, page)) = pages::answer(&head.method, head.uri.path()) {
        note_route(record, name);
        return Ok(page);
    }
    if head.uri.path() == scrape::PATH {
        note_route(record, "Metrics");
        let answer = async { scrape::answer(state, head, record).await.map_err(generic) };
        return catching("metrics", answer).await;
    }
    if es::is_handshake(head.uri.path()) {
        note_route(record, "Handshake");
        want_body(request);
        let answer = async { es::handshake::answer(state, head, payload, record).await.map_err(generic) };
        return catching("handshake", answer).await;
    }
    let admitted = match admitted {
        Some(admitted) => admitted,
        None => catching("gate", gate::admit(state, head, record)).await?,
    };
    let route = admitted.route;
    if route.body_bytes_max != 0 {
        want_body(request);
    }
    catching(route.name, carry_out(state, head, payload, admitted, record)).await
}

/// Tells the connection that the body of its request is going to be read.
fn want_body(request: &HttpRequest) {
    if let Some(progress) = request.conn_data::<Rc<RequestProgress>>() {
        progress.want_body();
    }
}

/// Carries out an admitted request.
async fn carry_out(
    state: &Arc<State>,
    head: &RequestHead,
    payload: &mut Payload,
    admitted: Admitted,
    record: &Rc<RequestRecord>,
) -> Result<HttpResponse, Problem> {
    let Admitted { route, request, identity, ingestor } = admitted;
    let outcome = match request {
        ApiRequest::CyberTrace(request) => {
            let admitted = Admitted { route, request, identity, ingestor };
            cybertrace::carry_out(state, head, payload, admitted, record).await
        }
        ApiRequest::Import(request) => {
            return v1::indicators::import(state, head, payload, &ingestor, request, record).await;
        }
        ApiRequest::Bulk(request) => {
            es::bulk::carry_out(state, head, payload, &ingestor, (request, identity), record).await
        }
        ApiRequest::Lookup(request) => {
            v1::lookup::carry_out(state, head, payload, &ingestor, (route, request), record).await
        }
        ApiRequest::Lists(request) => {
            v1::lists::carry_out(state, head, payload, (route, request, identity), record).await
        }
        ApiRequest::Accounts(shape, name, _permit) => {
            v1::accounts::carry_out(state, head, payload, (route, shape, name), record).await
        }
        ApiRequest::Export(asked) => v1::export::answer(state, &ingestor, *asked, record).await,
        ApiRequest::Changes(wanted) => v1::changes::answer(state, &ingestor, *wanted, record).await,
        ApiRequest::Batches(request) => v1::batches::carry_out(state, &ingestor, request, record).await,
    };
    outcome.map_err(|cause| Problem::new(route.sentence, cause))
}

/// Turns a panic into a 500; `place` tells in the log where it was.
async fn catching<T>(place: &str, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    // Nothing that the work could have left half done outlives it: no lock of the state is held over a call.
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(_panic) => {
            // The hook for panics tells where, and the line of the failed request which one; each as often as it may.
            tracing::debug!(place, "a request panicked; its client gets an internal error");
            Err(Problem::new(GENERIC_SENTENCE, Cause::Internal))
        }
    }
}

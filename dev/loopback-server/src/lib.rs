//! An HTTP server on 127.0.0.1 for development and tests. It runs on its own thread, so the caller needs no runtime,
//! and a handler that fails closes the connection, like a network fault.

pub mod body;
pub mod fault;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, ensure};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use body::Body;

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Returns the answer to `request`.
    ///
    /// # Errors
    /// An error closes the connection without an answer.
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = anyhow::Result<Response<Body>>> + Send;
}

/// A bound port that is not served yet.
pub struct Listener {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds a port of 127.0.0.1; 0 binds a free one.
    ///
    /// # Errors
    /// Fails if the port is taken.
    pub fn bind(port: u16) -> anyhow::Result<Self> {
        Self::bind_to(Ipv4Addr::LOCALHOST, port)
    }

    /// Binds a port of `host`, an address in 127.0.0.0/8; 0 binds a free one.
    ///
    /// # Errors
    /// Fails if `host` is not a loopback address or the port is taken.
    pub fn bind_to(host: Ipv4Addr, port: u16) -> anyhow::Result<Self> {
        ensure!(host.is_loopback(), "{host} is not a loopback address");
        let address = SocketAddr::from((host, port));
        let listener = std::net::TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {address}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Returns the bound address and port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves on a thread with that name.
    pub fn serve(self, name: &str, handler: Arc<impl Handler>) -> anyhow::Result<Server> {
        // This is the last fallible step, because a caller in a runtime must not drop this one.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    let Ok(listener) = TcpListener::from_std(self.listener) else {
                        return;
                    };
                    tokio::select! {
                        () = accept(listener, handler) => {}
                        _ = stopped => {}
                    }
                });
                // Unfinished answers are no longer needed.
                runtime.shutdown_background();
            })?;
        Ok(Server {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// Serves until it is dropped.
pub struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // This fails only if the server has already ended.
            stop.send(()).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

async fn accept(listener: TcpListener, handler: Arc<impl Handler>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let handler = Arc::clone(&handler);
        tokio::spawn(async move {
            let service = service_fn(move |request| Arc::clone(&handler).answer(request));
            // Connections that end with an error are expected, because faults cause them.
            http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await
                .ok();
        });
    }
}

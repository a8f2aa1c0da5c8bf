//! An HTTP server on 127.0.0.1, on a thread of its own, for development and tests: it needs no runtime of its caller's, and
//! a handler that fails ends the connection, as a fault on the wire does.

pub mod body;

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
    /// The answer to `request`.
    ///
    /// # Errors
    /// If the connection is to end without an answer.
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = anyhow::Result<Response<Body>>> + Send;
}

/// A port that is taken, and not served yet.
pub struct Listener {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Takes a port of 127.0.0.1; 0 takes a free one.
    ///
    /// # Errors
    /// If the port is taken already.
    pub fn bind(port: u16) -> anyhow::Result<Self> {
        Self::bind_to(Ipv4Addr::LOCALHOST, port)
    }

    /// Takes a port of `host`, an address of 127.0.0.0/8; 0 takes a free one.
    ///
    /// # Errors
    /// If `host` is not a loopback address, or the port is taken already.
    pub fn bind_to(host: Ipv4Addr, port: u16) -> anyhow::Result<Self> {
        ensure!(host.is_loopback(), "{host} is not a loopback address");
        let address = SocketAddr::from((host, port));
        let listener =
            std::net::TcpListener::bind(address).with_context(|| format!("listen on {address}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address and port that were taken.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves on a thread of that name.
    pub fn serve(self, name: &str, handler: Arc<impl Handler>) -> anyhow::Result<Server> {
        // Last of all that may fail: a caller in a runtime of its own must not drop this one.
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
                // What is still being made for an answer is of no use any more.
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
            // It fails only if the server has ended.
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
            // A connection that ends with an error is what faults are for.
            http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await
                .ok();
        });
    }
}

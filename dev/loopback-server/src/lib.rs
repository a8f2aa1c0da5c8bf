//! An HTTP server on 127.0.0.1 for development and tests. It runs on its own thread, so the caller needs no runtime,
//! and a handler that fails closes the connection, like a network fault.

pub mod body;
pub mod fault;

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
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

    /// Binds a port of `host`, a loopback address; 0 binds a free one.
    ///
    /// # Errors
    /// Fails if `host` is not a loopback address, the machine does not have it, or the port is taken.
    pub fn bind_to(host: impl Into<IpAddr>, port: u16) -> anyhow::Result<Self> {
        Self::bind_to_first(&[host.into()], port)
    }

    /// Binds a port of the first of `hosts`, loopback addresses, that the machine has; 0 binds a free one.
    ///
    /// # Errors
    /// Fails if one of them is not a loopback address, the machine has none of them, or the port is taken.
    pub fn bind_to_first(hosts: &[IpAddr], port: u16) -> anyhow::Result<Self> {
        for host in hosts {
            ensure!(host.is_loopback(), "{host} is not a loopback address");
        }
        let listener = bind_first(hosts, port)
            .with_context(|| format!("cannot listen on port {port} of {hosts:?}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Returns the bound address and port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns `http://HOST:PORT`.
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

/// Binds `port` of the first of `hosts` that the machine has.
fn bind_first(hosts: &[IpAddr], port: u16) -> io::Result<std::net::TcpListener> {
    let mut missing = io::Error::from(ErrorKind::AddrNotAvailable);
    for host in hosts {
        match std::net::TcpListener::bind((*host, port)) {
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => missing = error,
            bound => return bound,
        }
    }
    Err(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_host_that_the_machine_has_is_bound() {
        // Reserved for documentation: RFC 5737.
        let missing = IpAddr::from([192, 0, 2, 1]);
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        let bound = bind_first(&[missing, loopback], 0).expect("loopback");
        let address = bound.local_addr().expect("an address");
        assert_eq!(address.ip(), loopback);
        let error = bind_first(&[missing], 0).expect_err("not of this machine");
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        let error = bind_first(&[loopback, missing], address.port()).expect_err("taken");
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
}

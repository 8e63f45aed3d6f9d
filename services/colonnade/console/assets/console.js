// A page whose socket is refused belongs to a session that is over (or to a console that was started anew):
// asked for again, it leads to the sign-in. While the console is away, the socket's next try asks again.
const waiting = setInterval(() => {
  if (!window.socket) return;
  clearInterval(waiting);
  window.socket.on("connect_error", async () => {
    const answer = await fetch("/session").catch(() => null);
    if (answer && (await answer.text()) === "over") window.location.reload();
  });
}, 100);

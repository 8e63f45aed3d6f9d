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
// On a narrow screen the places stand in a row that scrolls: the one that is open is to be seen.
window.addEventListener("load", () => {
  const here = document.querySelector(".places .here");
  if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.clientWidth / 2;
});

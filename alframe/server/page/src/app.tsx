/** The page: who is signed in, where they are, and what they were last told. */
import { useEffect } from "preact/hooks";

import { NewPassword, SignIn } from "./access/sign_in";
import { InProject } from "./in_project";
import { reopen, unsent } from "./label/outbox";
import { Projects } from "./manage/projects";
import { Users } from "./manage/users";
import { hash, me, message, place, signOut } from "./store";

export function App() {
  return (
    <>
      <Header />
      <Wrong />
      <main>
        <Here />
      </main>
    </>
  );
}

function Here() {
  const who = me.value;
  const [room, id, part] = place.value;
  useEffect(() => {
    if (who) reopen();
  }, [who?.id]);
  if (who === undefined) return <p class="empty">One moment …</p>;
  if (who === null) return <SignIn />;
  if (who.must_change) return <NewPassword required />;
  if (room === "password") return <NewPassword />;
  if (room === "users" && who.admin) return <Users />;
  if (room === "projects" && id) return <InProject key={id} id={Number(id)} part={part ?? ""} rest={place.value.slice(3)} />;
  return <Projects />;
}

function Header() {
  const who = me.value;
  return (
    <header class="top">
      <a class="brand" href="#/" aria-label="alframe: projects">
        <img src="/icon.svg" alt="" width="22" height="22" /> <span>alframe</span>
      </a>
      <p class="note" role="status">
        {message.value?.kind === "note" && message.value.text}
      </p>
      <span class="unsent" role="status">
        {unsent.value > 0 && `Not yet sent: ${unsent.value}`}
      </span>
      {who && (
        <nav aria-label="Account">
          {who.admin && !who.must_change && <a href="#/users" aria-current={hash.value === "#/users" ? "page" : undefined}>Users</a>}
          <a href="#/password">{who.name}</a>
          <button class="plain" onClick={() => void signOut().catch(() => undefined)}>
            Sign out
          </button>
        </nav>
      )}
    </header>
  );
}

/** What went wrong last; screen readers speak it. */
function Wrong() {
  const said = message.value;
  return (
    <div role="alert">
      {said?.kind === "error" && (
        <p class="error">
          {said.text}{" "}
          <button class="plain" aria-label="Close the message" onClick={() => (message.value = null)}>
            ×
          </button>
        </p>
      )}
    </div>
  );
}

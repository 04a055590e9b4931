/** Who may sign in, for administrators. */
import { useSignal } from "@preact/signals";

import { useSubmission } from "../access/sign_in";
import { all, useFetched } from "../parts/listing";
import { call } from "../service/client";
import type { User } from "../service/records";
import { complain, me } from "../store";

interface Account extends User {
  active: boolean;
  must_change: boolean;
  password: string | null;
}

export function Users() {
  const { value: users, again } = useFetched(() => all<Account>("/users"), []);
  const shown = useSignal<Account | null>(null);
  const { busy, onSubmit } = useSubmission(async (form) => {
    const body = { name: form.get("name"), admin: form.get("admin") !== null };
    shown.value = await call<Account>("POST", "/users", { body });
    again();
  });
  const change = async (user: Account, body: object): Promise<void> => {
    try {
      const changed = await call<Account>("PATCH", `/users/${user.id}`, { body });
      if (changed.password) shown.value = changed;
      again();
    } catch (error) {
      complain(error);
    }
  };
  return (
    <div class="page">
      <h1>Users</h1>
      {shown.value?.password && (
        <p class="banner" role="status">
          The password of {shown.value.name}, for once: <code>{shown.value.password}</code> It is not shown again.
        </p>
      )}
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of users">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Administrator</th>
              <th scope="col">May sign in</th>
              <th scope="col">Password</th>
            </tr>
          </thead>
          <tbody>
            {users.value?.map((user) => (
              <tr key={user.id}>
                <th scope="row">{user.name}</th>
                {(["admin", "active"] as const).map((what) => (
                  <td key={what}>
                    <input
                      type="checkbox"
                      aria-label={`${user.name}: ${what === "admin" ? "administrator" : "may sign in"}`}
                      checked={user[what]}
                      disabled={user.id === me.value?.id}
                      onChange={(event) => void change(user, { [what]: event.currentTarget.checked })}
                    />
                  </td>
                ))}
                <td>
                  <button onClick={() => void change(user, { new_password: true })}>
                    New <span class="hidden-text">password for {user.name}</span>
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <form class="card" onSubmit={onSubmit}>
        <h2>Add somebody</h2>
        <label class="field">
          Name
          <input name="name" required maxLength={200} autocomplete="off" />
        </label>
        <label class="check">
          <input name="admin" type="checkbox" /> Administrator
        </label>
        <button class="primary" disabled={busy.value}>
          Add
        </button>
      </form>
    </div>
  );
}

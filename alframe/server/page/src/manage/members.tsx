/** Who is what in a project. */
import { useSubmission } from "../access/sign_in";
import { all, useFetched } from "../parts/listing";
import { call } from "../service/client";
import type { Project, Role, User } from "../service/records";
import { complain, me } from "../store";

interface Member {
  id: number;
  name: string;
  role: Role;
}

const ROLES: Role[] = ["viewer", "annotator", "reviewer", "manager"];

export function Members({ project }: { project: Project }) {
  const path = `/projects/${project.id}/members`;
  const admin = me.value?.admin ?? false;
  const { value: members, again } = useFetched(() => all<Member>(path), [project.id]);
  const { value: users } = useFetched(() => (admin ? all<User>("/users") : Promise.resolve([])), [admin]);
  const run = async (work: Promise<unknown>): Promise<void> => {
    await work.catch(complain);
    again();
  };
  const grant = (user: number, role: unknown) => call("PUT", `${path}/${user}`, { body: { role } });
  const { busy, onSubmit } = useSubmission(async (form) => {
    await grant(Number(form.get("user")), form.get("role"));
    again();
  });
  const others = users.value?.filter(({ id }) => !members.value?.some((member) => member.id === id));
  return (
    <div class="page">
      <h2>Members</h2>
      {members.value?.length === 0 && <p class="faint">Nobody yet; administrators may do everything without a role.</p>}
      <ul class="rows">
        {members.value?.map(({ id, name, role }) => (
          <li key={id}>
            <span class="name">{name}</span>
            <select aria-label={`Role of ${name}`} value={role} onChange={(event) => void run(grant(id, event.currentTarget.value))}>
              {ROLES.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
            <button onClick={() => void run(call("DELETE", `${path}/${id}`))}>
              Remove <span class="hidden-text">{name}</span>
            </button>
          </li>
        ))}
      </ul>
      <form class="card" onSubmit={onSubmit}>
        <h2>Give somebody a role</h2>
        <label class="field">
          {admin ? "User" : "Number of the user (an administrator knows it)"}
          {admin ? (
            <select name="user" required>
              {others?.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          ) : (
            <input name="user" type="number" min="1" required />
          )}
        </label>
        <label class="field">
          Role
          <select name="role">
            {ROLES.map((each) => (
              <option key={each} selected={each === "annotator"}>
                {each}
              </option>
            ))}
          </select>
        </label>
        <button class="primary" disabled={busy.value}>
          Give
        </button>
      </form>
    </div>
  );
}

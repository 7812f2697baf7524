// Provisions the store in the background and prints the notifications as they arrive.
const { Client } = require('pg');

async function main() {
    const client = new Client(); // PGHOST, PGDATABASE and so on say where
    await client.connect();
    await client.query('LISTEN ipam_provisioning');
    const { rows: [{ session_id }] } = await client.query('CALL ipam.initialize_async_provisioning()');

    const completed = new Promise((resolve) => client.on('notification', ({ payload }) => {
        const message = JSON.parse(payload);
        if (message.session_id !== Number(session_id)) return;
        console.log(message.event, message.step_name ?? '-', message.percent ?? '-');
        if (message.event === 'NotifyAsyncProvisionComplete') resolve(message);
    }));
    await client.query('CALL ipam.start_async_provisioning($1)', [session_id]);

    const { result, exception } = await completed;
    await client.end();
    if (result === 'Failure') throw new Error(exception.message); // exit status 1
}

main();
